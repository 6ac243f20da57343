"""The flow explorer: who talked to whom in a range of time, and who talked most."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from ringfence.app.web.frame import AtScreen, Visit, render
from ringfence.app.web.lists import GRAMMAR, PAGE, asked, why_nothing
from ringfence.store.read.flows import conversations, talkers
from ringfence.store.read.system import sensors

__all__ = ["router"]

router = APIRouter(include_in_schema=False)

_SECOND = 1_000_000_000
_HOUR = 3_600 * _SECOND
RANGES = (("1h", "Last hour"), ("24h", "Last day"), ("7d", "Last 7 days"), ("30d", "Last 30 days"), ("all", "All"))
_LENGTHS = {"1h": _HOUR, "24h": 24 * _HOUR, "7d": 7 * 24 * _HOUR, "30d": 30 * 24 * _HOUR}
_FIELDS = "protocol transport port src dst device answered operation bytes packets seen first".split()
_TALKERS = 10


@dataclass(frozen=True, slots=True)
class Range:
    """A range of time as the address says it; None is open. Both in ns since 1970."""

    key: str  # of RANGES, or empty where start and end are given
    start: int | None
    end: int | None


def range_of(visit: Visit) -> Range:
    """Read the range. What is no time is left open rather than guessed."""
    start, end = _time(visit, "start"), _time(visit, "end")
    if start is not None or end is not None:
        return Range("", start, end)
    key = visit.here.get("range", "all")
    length = _LENGTHS.get(key)
    return Range(key if length else "all", visit.now - length if length else None, None)


def _time(visit: Visit, name: str) -> int | None:
    try:
        local = datetime.fromisoformat(visit.here.get(name)).replace(tzinfo=visit.zone)
        return int(local.astimezone(UTC).timestamp()) * _SECOND
    except (ValueError, OverflowError):
        return None


def _text(visit: Visit, nanoseconds: int | None) -> str:
    if nanoseconds is None:
        return ""
    return datetime.fromtimestamp(nanoseconds // _SECOND, visit.zone).strftime("%Y-%m-%dT%H:%M:%S")


@router.get("/flows")
def flows_screen(visit: AtScreen) -> HTMLResponse:
    """Show the conversations of a range, and who talked most in it."""
    chosen = range_of(visit)
    after = visit.here.get("after") or None
    sort = visit.here.get("sort", "-bytes")
    with visit.reading() as connection:
        page, _, problem = asked(
            visit,
            lambda query: conversations(
                connection,
                query,
                visit.scope,
                now=visit.now,
                since=chosen.start,
                until=chosen.end,
                sort=sort,
                limit=PAGE,
                cursor=after,
            ),
        )
        until = chosen.end if chosen.end is not None else visit.now + _HOUR
        most = talkers(connection, visit.scope, since=chosen.start or 0, until=until, limit=_TALKERS)
        heard = sensors(connection, visit.scope)
    newest = max((sensor.last for sensor in heard), default=None)
    return render(
        visit,
        "flows.html",
        "flows",
        page=page,
        problem=problem,
        talkers=most,
        ranges=RANGES,
        range=chosen.key,
        start_text=_text(visit, chosen.start if not chosen.key else None),
        end_text=_text(visit, chosen.end),
        outside=_outside(visit, chosen, newest, bool(page.rows)),
        sort=sort,
        grammar=GRAMMAR,
        fields=_FIELDS,
        nothing=why_nothing(visit, problem, "conversation", len(heard)),
    )


def _outside(visit: Visit, chosen: Range, newest: int | None, shown: bool) -> str:
    """Say so where the range ends before, or begins after, everything that was captured: a replayed file is old."""
    if shown or newest is None or chosen.start is None or newest >= chosen.start:
        return ""
    moment = datetime.fromtimestamp(newest // _SECOND, visit.zone).strftime("%Y-%m-%d %H:%M")
    return f"Nothing in this range: the newest packet is of {moment} {visit.zone_name}."
