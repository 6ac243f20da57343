"""Findings: the list in groups of alike ones, and one with its story, its packets and who works on it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form
from fastapi.responses import HTMLResponse, RedirectResponse

from ringfence.app.access.table import ENGINEER
from ringfence.app.web.address import path
from ringfence.app.web.frame import AtScreen, back_to, render
from ringfence.app.web.lists import GRAMMAR, PAGE, asked, why_nothing
from ringfence.app.web.shown import words
from ringfence.app.web.terms import facet
from ringfence.store.findings import STATES, handle
from ringfence.store.read.finding_facets import finding_facets
from ringfence.store.read.findings import finding, findings
from ringfence.store.read.rows import FindingRow
from ringfence.store.read.system import sensors
from ringfence.store.ring import PacketRing

__all__ = ["router"]

router = APIRouter(include_in_schema=False)

_FIELDS = "severity state rule device assignee attack seen first confidence count id title".split()
_FACETS = (("state", "State", True), ("severity", "Severity", True), ("rule", "Rule", False))


@router.get("/findings")
def findings_screen(visit: AtScreen) -> HTMLResponse:
    """Show the list."""
    after = visit.here.get("after") or None
    sort = visit.here.get("sort", "-severity")
    with visit.reading() as connection:
        page, query, problem = asked(
            visit,
            lambda query: findings(connection, query, visit.scope, now=visit.now, sort=sort, limit=PAGE, cursor=after),
        )
        counts = {} if problem else finding_facets(connection, query, visit.scope, now=visit.now)
        shown = tuple(
            facet(query, name, label, counts[name], {each: words(each) for _, each, _ in counts[name]}, opened=opened)
            for name, label, opened in _FACETS
            if name in counts
        )
        heard = len(sensors(connection, visit.scope))
    return render(
        visit,
        "findings.html",
        "findings",
        page=page,
        problem=problem,
        facets=shown,
        groups=_groups(page.rows),
        grammar=GRAMMAR,
        fields=_FIELDS,
        nothing=why_nothing(visit, problem, "finding", heard),
    )


def _groups(rows: tuple[FindingRow, ...]) -> list[list[FindingRow]]:
    """Put neighbours of one severity, rule and title together; those of other pages are told there."""
    order: dict[tuple[str, str, str], list[FindingRow]] = {}
    for row in rows:
        order.setdefault((row.severity, row.rule, row.title), []).append(row)
    return list(order.values())


@router.get("/findings/{id}")
def finding_screen(visit: AtScreen, id: str) -> HTMLResponse:  # noqa: A002 The word of the address.
    """Show one finding."""
    with visit.reading() as connection:
        found = finding(connection, id, visit.scope)
        kept = PacketRing.keeps(connection, found.row.id)
    packets = f"/api/v1/findings/{found.row.id}/packets"
    return render(
        visit,
        "finding.html",
        "findings",
        finding=found,
        states=[found.row.state, *STATES.get(found.row.state, ())],
        can_write=visit.may("POST", f"/findings/{id}"),
        packets_path=packets if kept and visit.may("GET", packets) else None,
        may_payload=visit.principal.scope(ENGINEER) == visit.scope_of("GET", packets),
        packets_note="Numbers count from 1 in their input, as Wireshark shows them."
        + (" The packet ring keeps them." if kept else " The packet ring, which is opt-in, keeps none of them."),
    )


@router.post("/findings/{id}")
def work_on(
    visit: AtScreen,
    id: str,  # noqa: A002 The word of the address.
    version: Annotated[int, Form()],
    state: Annotated[str, Form()],
    assignee: Annotated[str, Form()] = "",
    note: Annotated[str, Form()] = "",
) -> RedirectResponse:
    """Say what becomes of it: its state, who looks after it, a note."""
    given = {"state": state, "assignee": assignee.strip(), "note": note.replace("\r\n", "\n").strip()}
    with visit.writing() as unit:
        page = finding(unit.connection, id, visit.scope)
        before = {"state": page.row.state, "assignee": page.row.assignee or "", "note": page.note or ""}
        if before != given:
            visit.audit(unit, "finding.handle", id, before=before, after=given)
            handle(unit, id, visit.principal.name, version, **given)
    return back_to(path("findings", id), "saved")
