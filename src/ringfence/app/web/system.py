"""The installation itself: sensors, knowledge, people, approvals, tokens, single sign-on, the audit log, backups.

Rule 1: what somebody may not see is said to be so, and is never an empty table.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from os import scandir
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from ringfence.app.web.frame import AtScreen, Visit, render
from ringfence.app.web.system_approvals import approvals_tab
from ringfence.app.web.system_people import people_tab, tokens_tab
from ringfence.app.web.system_sso import sso_tab
from ringfence.app.web.today import health_of_sensor, knowledge_days
from ringfence.store.audit import entries
from ringfence.store.erased import Erased, erasures
from ringfence.store.read.system import sensors
from ringfence.store.retention import MOST_DAYS, retention

if TYPE_CHECKING:
    # Screens hand connections on, and never speak SQL with them.
    from ringfence.store.database import Connection

__all__ = ["router", "shown_tab"]

router = APIRouter(include_in_schema=False)

_AUDIT = 100  # entries of a page
_OVERDUE = 2 * 86_400_000_000_000  # ns: it runs once a day
_KINDS = {
    "lake": "Flows and transactions (days of the lake)",
    "conversations": "Conversations",
    "talkers": "Talkers by hour",
    "changes": "Changes",
    "observations": "Observations",
    "findings": "Closed findings",
    "devices": "Devices of which nobody said anything",
}


@dataclass(frozen=True, slots=True)
class KeptRow:
    """A kind of things, how many days it is kept (None: for ever), and what was erased last (None: nothing yet)."""

    kind: str
    label: str
    days: int | None
    erased: Erased | None


@router.get("/system")
def system_screen(visit: AtScreen) -> HTMLResponse:
    """Show one part of the installation."""
    tab = visit.here.get("tab", "sensors")
    tab = tab if tab in _TABS else "sensors"
    with visit.reading() as connection:
        context = _TABS[tab][1](connection, visit)
    return shown_tab(visit, tab, context)


def shown_tab(visit: Visit, tab: str, context: Mapping[str, Any]) -> HTMLResponse:
    """Return the page with this part of it."""
    tabs = [(key, label) for key, (label, _) in _TABS.items()]
    return render(visit, "system.html", "system", tabs=tabs, tab=tab, **context)


def _sensors(connection: Connection, visit: Visit) -> Mapping[str, Any]:
    rows = sensors(connection, visit.scope)
    states = {row.sensor: health_of_sensor(row, visit.now) for row in rows}
    return {"sensors": rows, "states": states, "processes": visit.platform.processes()}


def _knowledge(_: Connection, visit: Visit) -> Mapping[str, Any]:
    days = knowledge_days(visit.platform.knowledge.date, visit.now)
    return {"knowledge_age": "unknown" if days is None else f"{days} days"}


def _audit(connection: Connection, visit: Visit) -> Mapping[str, Any]:
    if not visit.may("GET", "/api/v1/audit"):
        return {"entries": None, "older": None}
    text = visit.here.get("before")
    before = int(text) if text.isascii() and text.isdigit() and len(text) < 16 else 0
    rows = list(entries(connection, before, _AUDIT, newest_first=True))
    return {"entries": rows, "older": rows[-1].number if len(rows) == _AUDIT and rows[-1].number > 1 else None}


def _backups(_: Connection, visit: Visit) -> Mapping[str, Any]:
    if not visit.may("GET", "/api/v1/people"):
        return {"backups": None}
    folder = visit.platform.folder / "backups"
    try:
        with scandir(folder) as found:
            files = [(each.name, each.stat()) for each in found if each.is_file()]
    except OSError:
        files = []  # None was made yet, or one went away just now.
    newest = sorted(files, key=lambda file: file[1].st_mtime_ns, reverse=True)[:50]
    return {"backups": [{"name": name, "time": stat.st_mtime_ns, "bytes": stat.st_size} for name, stat in newest]}


def _retention(connection: Connection, visit: Visit) -> Mapping[str, Any]:
    wanted, done = retention(connection), erasures(connection)
    rows = [
        KeptRow(each.name, _KINDS[each.name], getattr(wanted, each.name), done.kinds.get(each.name))
        for each in fields(wanted)
    ]
    overdue = done.checked is not None and visit.now - done.checked > _OVERDUE
    may_set = visit.may("PUT", "/api/v1/retention")
    return {"kept": rows, "checked": done.checked, "overdue": overdue, "may_set": may_set, "most_days": MOST_DAYS}


def _about(_: Connection, visit: Visit) -> Mapping[str, Any]:
    return {"store_kind": "SQLite" if visit.platform.database.is_sqlite else "PostgreSQL"}


_TABS: Mapping[str, tuple[str, Callable[[Connection, Visit], Mapping[str, Any]]]] = {
    "sensors": ("Sensors and capture quality", _sensors),
    "knowledge": ("Knowledge", _knowledge),
    "people": ("People", people_tab),
    "approvals": ("Approvals", approvals_tab),
    "tokens": ("Tokens", tokens_tab),
    "sso": ("Single sign-on", sso_tab),
    "audit": ("Audit log", _audit),
    "backups": ("Backups", _backups),
    "retention": ("Retention", _retention),
    "about": ("About", _about),
}
