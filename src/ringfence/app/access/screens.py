"""Renders the few pages of log-in and account; everything is escaped, and hidden characters are made visible."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from ringfence.app.escape import visible
from ringfence.model.clock import rfc3339

__all__ = ["FILES", "page"]

_HERE = Path(__file__).parent

#: Styles and scripts of these pages, by name: nothing else is served, and no path of a request reaches the disk.
FILES: dict[str, tuple[Path, str]] = {
    "access.css": (_HERE / "files" / "access.css", "text/css; charset=utf-8"),
    "report.css": (_HERE.parent / "export" / "assets" / "report.css", "text/css; charset=utf-8"),
    "ring.svg": (_HERE.parent / "web" / "static" / "ring.svg", "image/svg+xml"),
    "welcome.js": (_HERE / "files" / "welcome.js", "text/javascript; charset=utf-8"),
    "passkey.js": (_HERE / "files" / "passkey.js", "text/javascript; charset=utf-8"),
}


def page(request: Request, template: str, status: int = 200, **words: Any) -> HTMLResponse:
    """Return a page; it is never kept by a browser."""
    theme = request.cookies.get("theme", "")
    defaults = {"wrong": "", "csrf": "", "theme": theme if theme in ("dark", "light") else ""}
    text = _environment().get_template(template).render(**{**defaults, **words})
    return HTMLResponse(text, status, {"Cache-Control": "no-store"})


@cache
def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_finalised,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["time"] = _time
    return made


def _finalised(value: Any) -> Any:
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _time(nanoseconds: int | None) -> str:
    return "never" if nanoseconds is None else f"{rfc3339(nanoseconds)[:16].replace('T', ' ')} UTC"
