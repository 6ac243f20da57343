"""The one place where text from the wire is made safe to show.

Rule 1: text is kept as it was on the wire, and escaped only where it is shown, for exactly that place.
Rule 2: what could move a cursor, turn the reading direction or hide becomes visible (``\\x1b``, ``\\u202e``) and is
    never dropped: the reader should see that somebody tried.
"""

from __future__ import annotations

import re
from html import escape as _html_escape

__all__ = [
    "csv_cell",
    "html_text",
    "json_in_html",
    "log_line",
    "shortened",
    "terminal_text",
    "valid_unicode",
    "visible",
]

_SURROGATE = re.compile("[\ud800-\udfff]")

# Controls (C0, DEL, C1), soft hyphen, bidi marks and overrides, zero-width characters, line and paragraph separators,
# invisible operators, interlinear notes, the byte order mark, tag characters, noncharacters and lone surrogates.
_HIDDEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f"
    "\u3164\ufdd0-\ufdef\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff\ud800-\udfff\U000e0000-\U000e0fff]"
)

# More combining marks than any language stacks would paint over neighbouring lines.
_STACKED = re.compile("([\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]{4})"
                      "[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]+")  # fmt: skip

# What spreadsheet programs take for the beginning of a formula, full-width forms too.
_FORMULA = re.compile("^\\s*[=+\\-@|%\uff1d\uff0b\uff0d\uff20]")

_JSON_IN_HTML = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}


def _escape_sequence(match: re.Match[str]) -> str:
    code = ord(match.group())
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def visible(text: str) -> str:
    """Return ``text`` on one line, with everything hidden or directing written out as an escape sequence."""
    if text.isascii() and text.isprintable():
        return text  # Nearly all text is like this, and this check is far quicker than the patterns.
    return _STACKED.sub(r"\1", _HIDDEN.sub(_escape_sequence, text))


def shortened(text: str, limit: int) -> str:
    """Return ``text`` or, where it is longer than ``limit`` characters, its beginning and how much is missing."""
    if len(text) <= limit:
        return text
    return f"{text[:limit]}… ({len(text) - limit} more characters)"


def terminal_text(text: str, limit: int = 160) -> str:
    """Return ``text`` for a terminal: no escape sequence in it can act, and it is at most one or two lines long."""
    return shortened(visible(text), limit)


def log_line(text: str, limit: int = 2_000) -> str:
    """Return ``text`` for one line of a log; backslashes are doubled, so that an escape can't be forged."""
    return shortened(visible(text.replace("\\", "\\\\")), limit)


def html_text(text: str) -> str:
    """Return ``text`` for HTML, between tags or in a quoted attribute."""
    return _html_escape(visible(text), quote=True)


def csv_cell(text: str) -> str:
    """Return ``text`` as a quoted CSV cell that no spreadsheet program takes for a formula."""
    shown = visible(text)
    if _FORMULA.match(shown) or _FORMULA.match(text):
        shown = "'" + shown
    return '"' + shown.replace('"', '""') + '"'


def json_in_html(json_text: str) -> str:
    """Return JSON text that may stand inside a ``<script>`` element: nothing in it can end the element."""
    for each, escaped in _JSON_IN_HTML.items():
        json_text = json_text.replace(each, escaped)
    return json_text


def valid_unicode(text: str) -> str:
    """Return ``text`` with lone surrogates replaced, so that it can be written as UTF-8."""
    return _SURROGATE.sub("\ufffd", text)
