"""The morning page: health, what changed since you left, the gravest findings, unknown devices."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from ringfence.app.escape import visible
from ringfence.app.web.address import path
from ringfence.app.web.frame import AtScreen, Visit, render
from ringfence.app.web.shown import SEVERITIES, class_name, told, words
from ringfence.model.finding import Severity
from ringfence.model.query import Query, Term, parse
from ringfence.store.audit import entries
from ringfence.store.read.changes import last_change
from ringfence.store.read.devices import devices, rows_of
from ringfence.store.read.findings import findings
from ringfence.store.read.rows import ChangeRow, SensorRow, Today
from ringfence.store.read.today import today

if TYPE_CHECKING:
    # Screens hand connections on, and never speak SQL with them.
    from ringfence.store.database import Connection

__all__ = ["Health", "health_of_sensor", "router"]

router = APIRouter(include_in_schema=False)

_SECOND = 1_000_000_000
_HOUR = 3_600 * _SECOND
_SPANS = {"8h": 8, "24h": 24, "3d": 72, "7d": 168}  # hours
_UNKNOWNS = 8  # rows
_NEW = 8  # rows
_CHANGED = 15  # rows
_FOUND = 6  # rows of each kind in the palette
_SENSORS = 8  # in the strip; the rest is under System
_QUIET = 15 * 60 * _SECOND  # without a batch: three windows
_STALE_DAYS = 180  # age of knowledge


@dataclass(frozen=True, slots=True)
class Health:
    """One sentence of the health strip. There is no kind that says all is well: only what is heard, and what isn't."""

    name: str
    text: str
    kind: str  # heard, weak, stale, down, unknown
    icon: str
    href: str


def health_of_sensor(sensor: SensorRow, now: int) -> Health:
    """Return what can be said of a sensor."""
    href = "/system?tab=sensors"
    grave = [note for note in sensor.quality if note.severity in ("critical", "high", "medium")]
    silent = now - sensor.received
    if silent > _QUIET:
        minutes = silent // (60 * _SECOND)
        age = f"{minutes} min" if minutes < 120 else f"{minutes // 60} h" if minutes < 2880 else f"{minutes // 1440} d"
        return Health(sensor.sensor, f"nothing heard for {age}", "stale", "stale", href)
    if grave:
        return Health(
            sensor.sensor, f"heard, {len(grave)} problem{'s' * (len(grave) > 1)} with its capture", "weak", "high", href
        )
    return Health(sensor.sensor, "heard", "heard", "check", href)


def knowledge_health(dated: str, now: int) -> Health:
    """Return what can be said of the knowledge's age."""
    days = knowledge_days(dated, now)
    href = "/system?tab=knowledge"
    if days is None:
        return Health("Knowledge", "of unknown age", "unknown", "unknown", href)
    if days > _STALE_DAYS:
        return Health("Knowledge", f"{days} days old: stale", "stale", "stale", href)
    return Health("Knowledge", f"{days} days old", "heard", "check", href)


def knowledge_days(dated: str, now: int) -> int | None:
    """Return the age in days of a date (RFC 3339 text), None where it is none."""
    try:
        made = date.fromisoformat(dated[:10])
    except ValueError:
        return None
    return max((now // _SECOND // 86_400) - (made - date(1970, 1, 1)).days, 0)


@router.get("/")
def today_screen(visit: AtScreen) -> HTMLResponse:
    """Show the morning page."""
    with visit.reading() as connection:
        since = since_of(connection, visit)
        found = today(connection, visit.scope, since=since)
        query = parse("class:unknown")
        unknowns = devices(connection, query, visit.scope, now=visit.now, sort="-seen", limit=_UNKNOWNS)
        changed = [change.id for change in found.changed if change.noun == "device"]
        names = {key: row.name for key, row in rows_of(connection, changed, visit.scope).items()}
        told_of = _told(found.changed, names)
    return render(
        visit,
        "today.html",
        "today",
        today=found,
        spans=_SPANS,
        span=visit.here.get("since"),
        health=_health(visit, found),
        severities=[(word, dict(found.open_by_severity).get(word, 0)) for word in SEVERITIES],
        unknowns=unknowns.rows,
        new=found.new_devices[:_NEW],
        more_new=max(len(found.new_devices) - _NEW, 0),
        changed=told_of[:_CHANGED],
        more_changed=max(len(told_of) - _CHANGED, 0),
    )


def since_of(connection: Connection, visit: Visit) -> int:
    """Return from when on the page tells what changed: as the address says, else since the person's log-in before."""
    hours = _SPANS.get(visit.here.get("since"))
    if hours is not None:
        return visit.now - hours * _HOUR
    begun = list(entries(connection, limit=2, newest_first=True, who=visit.principal.name, act="session.begin"))
    last = begun[1].time if len(begun) == 2 else visit.now - 24 * _HOUR
    return max(last, visit.now - 7 * 24 * _HOUR)


@dataclass(frozen=True, slots=True)
class Told:
    """Changes of one sort, told once: what, of whom, how many, and the latest of them."""

    label: str
    href: str
    text: str
    who: str | None
    severity: str | None
    count: int
    time: int


def _told(changed: tuple[ChangeRow, ...], names: Mapping[str, str]) -> list[Told]:
    """Put alike changes together, the latest first. New devices are told elsewhere on the page."""
    groups: dict[tuple[str, str, str, str | None], list[ChangeRow]] = {}
    for change in changed:
        if change.noun == "device" and change.what == "new":
            continue
        title = str((change.detail or {}).get("title", "")) if change.noun == "finding" else names.get(change.id, "")
        alike = (change.noun, change.what, title or change.id, change.who)
        groups.setdefault(alike, []).append(change)
    return [_line(noun, label, rows) for (noun, _, label, _), rows in groups.items()]


def _line(noun: str, label: str, rows: list[ChangeRow]) -> Told:
    latest = rows[0]
    href = path(f"{noun}s", latest.id) if noun in ("device", "finding") else ""
    severity = (latest.detail or {}).get("severity") if noun == "finding" else None
    word = Severity(severity).word if severity in set(Severity) else None
    text = f"{noun}, {words(latest.what)}" if noun == "finding" else told(latest)
    if noun not in ("device", "finding"):
        label, text = noun, told(latest)
    return Told(label, href, text, latest.who, word, len(rows), latest.time)


def _health(visit: Visit, found: Today) -> list[Health]:
    strip = [health_of_sensor(sensor, visit.now) for sensor in found.sensors]
    if not strip:
        strip = [Health("Sensors", "none has sent anything", "unknown", "unknown", "/system?tab=sensors")]
    return [*strip[:_SENSORS], knowledge_health(visit.platform.knowledge.date, visit.now)]


@router.get("/live")
def live(visit: AtScreen) -> dict[str, int]:
    """Answer with the number of the latest change: screens that hold an older one draw themselves again."""
    with visit.reading() as connection:
        return {"number": last_change(connection)}


@router.get("/find")
def find(visit: AtScreen) -> list[dict[str, str]]:
    """Answer the command palette: devices and findings by free text."""
    text = visit.here.get("q").strip()[:200]
    if not text:
        return []
    query = Query((Term(None, ":", (text,)),))
    with visit.reading() as connection:
        found = devices(connection, query, visit.scope, now=visit.now, limit=_FOUND)
        told = findings(connection, query, visit.scope, now=visit.now, limit=_FOUND)
    rows = [
        (row.name, f"{class_name(row.device_class)} {next(iter(row.ips), '')}", "devices", row.id) for row in found.rows
    ]
    rows += [(row.title, f"{row.severity} finding", "findings", row.id) for row in told.rows]
    return [
        {"label": visible(label)[:160] or "(no name)", "note": visible(note), "href": path(kind, key)}
        for label, note, kind, key in rows
    ]
