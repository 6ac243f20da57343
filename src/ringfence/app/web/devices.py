"""The list of devices: query, facets, saved views, columns, preview, export, and changes to many at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, StreamingResponse

from ringfence.app.web.address import Address
from ringfence.app.web.device_columns import COLUMNS, Column, chosen_columns, csv_lines, json_lines
from ringfence.app.web.frame import AtScreen, Visit, part, render
from ringfence.app.web.lists import GRAMMAR, PAGE, asked, why_nothing
from ringfence.app.web.shown import class_name
from ringfence.app.web.terms import Facet, asks, facet, query_of
from ringfence.model.device import CLASSES
from ringfence.model.errors import RingfenceError
from ringfence.model.query import Query, parse
from ringfence.store.places import zones
from ringfence.store.read.device import device
from ringfence.store.read.devices import devices, facets
from ringfence.store.read.rows import DevicePage, DeviceRow
from ringfence.store.read.system import sensors
from ringfence.store.views import views

if TYPE_CHECKING:
    # Screens hand connections on, and never speak SQL with them.
    from ringfence.store.database import Connection

__all__ = ["router"]

router = APIRouter(include_in_schema=False)

_SORT = "name"
_EXPORTED = 1_000  # rows of one read
_FACETS = (
    ("class", "Class", True),
    ("worst", "Worst finding", True),
    ("vendor", "Vendor", False),
    ("site", "Site", False),
    ("zone", "Zone", False),
    ("criticality", "Criticality", False),
    ("expected", "Expected", False),
)
_NAMES = tuple(name for name, _, _ in _FACETS)
_WORDS = {name: class_name(name) for name in CLASSES} | {"not_evaluated": "not evaluated"}
_FIELDS = (
    "class vendor product model firmware serial os name ip mac role mark label site zone owner criticality safety "
    "expected seen first has worst severity confidence purdue domain id"
).split()


@router.get("/devices")
def devices_screen(visit: AtScreen) -> HTMLResponse:
    """Show the list."""
    sort = visit.here.get("sort", _SORT)
    after = visit.here.get("after") or None
    with visit.reading() as connection:
        page, query, problem = asked(
            visit,
            lambda query: devices(connection, query, visit.scope, now=visit.now, sort=sort, limit=PAGE, cursor=after),
        )
        shown = _facets(connection, query, visit, _NAMES) if visit.here.get("facets") and problem is None else None
        preview = _preview(connection, visit)
        heard = sensors(connection, visit.scope)
        places = zones(connection, visit.scope)
        kept = views(connection, visit.principal.person, "devices")
    return render(
        visit,
        "devices.html",
        "devices",
        page=page,
        problem=problem,
        facets=shown,
        preview=preview,
        columns=chosen_columns(visit.here.all("column")),
        all_columns=COLUMNS,
        sort=sort,
        grammar=GRAMMAR,
        fields=_FIELDS,
        saved_query=visit.here.to(after=None, pick=None).partition("?")[2],
        nothing=why_nothing(visit, problem, "device", len(heard)),
        can_write=visit.may("POST", "/devices/bulk"),
        zones=places,
        views=kept,
    )


@router.get("/devices/facets")
def facets_part(visit: AtScreen) -> HTMLResponse:
    """Answer with the filters alone: they cost more than the list, so they come after it, and only what is unfolded."""
    pairs = [pair for pair in visit.here.pairs if pair[0] != "open"]
    there = replace(visit, here=Address("/devices", pairs))
    query = query_of(there.here.get("q"))
    wanted = set(visit.here.all("open"))
    names = [name for name in _NAMES if name in wanted or asks(query, name)]
    with visit.reading() as connection:
        try:
            shown = _facets(connection, query, there, names)
        except RingfenceError as error:
            if error.code.code != "query":
                raise
            shown = _facets(connection, Query(), there, names)  # The list says what is wrong; a click here begins anew.
    return part(there, "facets.html", facets=shown)


def _facets(connection: Connection, query: Query, visit: Visit, names: Sequence[str]) -> tuple[Facet, ...]:
    counts = facets(connection, query, visit.scope, now=visit.now, names=names)
    return tuple(
        facet(query, name, label, counts.get(name), _WORDS, opened=opened or name in names)
        for name, label, opened in _FACETS
    )


def _preview(connection: Connection, visit: Visit) -> DevicePage | None:
    pick = visit.here.get("pick")
    if not pick:
        return None
    try:
        return device(connection, pick, visit.scope)
    except RingfenceError:
        return None  # It went away, or stands at another site; the list is still right.


# --- export -------------------------------------------------------------------------------------------------------

Writer = Callable[[Iterable[DeviceRow], tuple[Column, ...]], Iterator[str]]


@router.get("/devices/export.csv")
def export_csv(visit: AtScreen) -> StreamingResponse:
    """Send the view as CSV: the same rows, order and columns."""
    return _export(visit, csv_lines, "text/csv; charset=utf-8", "devices.csv")


@router.get("/devices/export.jsonl")
def export_jsonl(visit: AtScreen) -> StreamingResponse:
    """Send the view as JSON lines: the same rows, order and columns."""
    return _export(visit, json_lines, "application/jsonl; charset=utf-8", "devices.jsonl")


def _export(visit: Visit, write: Writer, kind: str, name: str) -> StreamingResponse:
    query = parse(visit.here.get("q"))  # A mistake is answered before anything is sent.
    columns = chosen_columns(visit.here.all("column"))
    rows = _rows(visit, query, visit.here.get("sort", _SORT))
    first = next(rows, None)
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return StreamingResponse(write(_chained(first, rows), columns), 200, headers, kind)


def _chained(first: DeviceRow | None, rest: Iterator[DeviceRow]) -> Iterator[DeviceRow]:
    if first is not None:
        yield first
        yield from rest


def _rows(visit: Visit, query: Query, sort: str) -> Iterator[DeviceRow]:
    """Yield every row of the view as it was at one moment, a thousand at a time."""
    after: str | None = None
    with visit.reading() as connection:
        while True:
            page = devices(connection, query, visit.scope, now=visit.now, sort=sort, limit=_EXPORTED, cursor=after)
            yield from page.rows
            after = page.next
            if after is None:
                return
