"""How values are shown: times, sizes, ages, classes. Every text that a template prints passes ``finalised``.

Rule 1: text from devices and people is made visible (``escape.visible``) here, for all templates, and then escaped by
the template engine; a template never marks a text as safe.
Rule 2: what is unknown is said in words and never looks like an answer.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime, tzinfo
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from jinja2 import pass_context
from jinja2.runtime import Context
from markupsafe import Markup, escape

from ringfence.app.escape import shortened, visible
from ringfence.model.device import class_words
from ringfence.store.read.rows import ChangeRow, DeviceRow

__all__ = ["FILTERS", "SEVERITIES", "clock_of", "finalised"]

SEVERITIES = ("critical", "high", "medium", "low", "informational")
_SECOND = 1_000_000_000
_AGES = ((31_557_600, "y"), (86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))
_BLANK = "(blank)"
#: What of a change says nothing on the page of the thing itself.
_UNTOLD = {"finding": ("title", "severity"), "device": ("name", "decision", "decisions")}


def finalised(value: Any) -> Any:
    """Return what a template prints of ``value``: nothing hidden in it, nothing that turns the reading direction."""
    if isinstance(value, str) and not isinstance(value, Markup):
        return visible(value)
    return value


def clock_of(name: str | None) -> tuple[tzinfo, str]:
    """Return the zone in which times are shown, and its word; a name that is no zone is UTC."""
    if name and name != "UTC" and len(name) < 64:
        try:
            return ZoneInfo(name), name
        except (ZoneInfoNotFoundError, ValueError, OSError):
            pass
    return UTC, "UTC"


def _moment(nanoseconds: int, zone: tzinfo) -> datetime | None:
    try:
        return datetime.fromtimestamp(nanoseconds // _SECOND, UTC).astimezone(zone)
    except (OverflowError, ValueError, OSError):
        return None


def _written(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%S")


def _zone_word(moment: datetime) -> str:
    return "UTC" if moment.tzinfo is UTC else moment.strftime("%z")[:3] + ":" + moment.strftime("%z")[3:5]


def _age(nanoseconds: int, now: int) -> str:
    seconds = abs(now - nanoseconds) // _SECOND
    for length, unit in _AGES:
        if seconds >= length:
            text = f"{seconds // length} {unit}"
            return f"{text} ago" if now >= nanoseconds else f"in {text}"
    return "just now"


def _time(context: Context, nanoseconds: int | None, relative: bool) -> Markup:
    moment = None if nanoseconds is None else _moment(nanoseconds, context["zone"])
    if moment is None or nanoseconds is None:
        return Markup('<span class="none">unknown</span>')
    age, absolute = _age(nanoseconds, context["now"]), _written(moment)
    title = f"{absolute} {_zone_word(moment)} ({age})"
    text = age if relative else absolute
    stamp = moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return Markup('<time datetime="{}" title="{}">{}</time>').format(stamp, title, text)


@pass_context
def when(context: Context, nanoseconds: int | None) -> Markup:
    """Return an absolute time on the visitor's clock; its age is on hover."""
    return _time(context, nanoseconds, relative=False)


@pass_context
def ago(context: Context, nanoseconds: int | None) -> Markup:
    """Return an age; the absolute time is on hover."""
    return _time(context, nanoseconds, relative=True)


def size(count: int | float | None) -> str:
    """Return bytes in words of thousand: ``1.2 MB``."""
    if count is None:
        return "unknown"
    value, units = float(count), ["B", "kB", "MB", "GB", "TB", "PB"]
    while value >= 1000 and len(units) > 1:
        value, units = value / 1000, units[1:]
    return f"{value:.0f}\u202f{units[0]}" if units[0] == "B" or value >= 100 else f"{value:.1f}\u202f{units[0]}"


def number(value: float | None) -> str:
    """Return a count with commas."""
    return "unknown" if value is None else f"{value:,.0f}"


def percent(share: float) -> str:
    """Return 0 to 1 as percent."""
    return f"{share * 100:.0f}\u202f%"


def class_name(name: str) -> str:
    """Return a class as it begins a line: ``PLC``, ``Access point``, ``Unknown``."""
    text = class_words(name)
    return text[:1].upper() + text[1:]


def words(name: str) -> str:
    """Return a name of ours in words."""
    return str(name).replace("_", " ")


def short(text: str, limit: int = 60) -> str:
    """Return the beginning of a long text, and how much is missing."""
    return shortened(str(text), limit) if str(text).strip() else _BLANK


def lines(text: str | None) -> Markup:
    """Return a person's text with its line breaks, everything else made visible."""
    return Markup("\n").join(escape(visible(each)) for each in (text or "").splitlines())


def join_short(values: Iterable[str], limit: int = 3) -> str:
    """Return the first values and how many more there are."""
    listed = list(values)
    more = f" +{len(listed) - limit}" if len(listed) > limit else ""
    return ", ".join(shortened(each, 60) for each in listed[:limit]) + more


def an_address(row: DeviceRow, otherwise: str = "") -> str:
    """Return an address of a device, where it has any."""
    return next(iter((*row.ips, *row.macs)), otherwise)


def told(change: ChangeRow) -> str:
    """Return what a change says, in words: ``changed firmware: V2.9.3 → V2.9.4``."""
    detail = change.detail or {}
    said = words(change.what)
    if "field" in detail:
        said += " " + words(str(detail["field"]))
    if "before" in detail or "after" in detail:
        return f"{said}: {_value(detail.get('before'))} → {_value(detail.get('after'))}"
    pairs = [_pair(words(name), value) for name, value in detail.items() if name not in _UNTOLD.get(change.noun, ())]
    return said + (": " + ", ".join(pairs[:4]) if pairs else "")


def _pair(name: str, value: Any) -> str:
    if not isinstance(value, list | tuple) or len(value) != 2:
        return f"{name} {_value(value)}"
    if value[0] in (None, "", []):
        return f"{name} {_value(value[1])}"
    return f"{name} {_value(value[0])} → {_value(value[1])}"


def _value(value: Any) -> str:
    if value is None or value == "":
        return "nothing"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple) and all(isinstance(each, str) for each in value):
        return shortened(", ".join(value), 60) or "nothing"
    return shortened(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str), 60)


def known_severity(word: str | None) -> str:
    """Return the severity, or ``unknown``."""
    return word if word in SEVERITIES else "unknown"


FILTERS = {
    "ago": ago,
    "an_address": an_address,
    "class_name": class_name,
    "join_short": join_short,
    "known_severity": known_severity,
    "lines": lines,
    "number": number,
    "percent": percent,
    "short": short,
    "size": size,
    "told": told,
    "when": when,
    "words": words,
}
