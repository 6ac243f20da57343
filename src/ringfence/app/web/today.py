"""The morning page: health, what changed since you left, the gravest findings, unknown devices."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from urllib.parse import quote

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from ringfence.app.web.frame import AtScreen, Visit, render
from ringfence.app.web.shown import SEVERITIES
from ringfence.model.query import parse
from ringfence.store.read.devices import devices
from ringfence.store.read.rows import SensorRow, Today

__all__ = ["Health", "health_of_sensor", "router"]

router = APIRouter(include_in_schema=False)

_SECOND = 1_000_000_000
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
        return Health(sensor.sensor, f"heard, {len(grave)} problem{'s' * (len(grave) > 1)} with its capture", "weak", "high", href)
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
