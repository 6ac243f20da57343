"""Styles, scripts and pictures of the screens: ours, from this package, and named by their content.

Rule 1: the address holds a digest of all of them, so a browser may keep them for ever and never mixes two versions.
Rule 2: only files found when the program started are served, by name; no path of a request reaches the disk.
"""

from __future__ import annotations

from functools import cache
from hashlib import sha256
from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import Response

from ringfence.model.errors import RingfenceError

__all__ = ["address", "router"]

router = APIRouter(include_in_schema=False)

_KINDS = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_REPORT = Path(__file__).parent.parent / "export" / "assets" / "report.css"


@cache
def _files() -> dict[str, tuple[bytes, str]]:
    paths = [*sorted((Path(__file__).parent / "static").iterdir()), _REPORT]
    return {path.name: (path.read_bytes(), _KINDS[path.suffix]) for path in paths if path.suffix in _KINDS}


@cache
def _version() -> str:
    digest = sha256()
    for name, (content, _) in sorted(_files().items()):
        digest.update(name.encode() + b"\0" + content)
    return digest.hexdigest()[:16]


def address(name: str) -> str:
    """Return where this file is served."""
    if name not in _files():
        raise KeyError(name)
    return f"/static/{_version()}/{name}"


@router.get("/static/{version}/{name}")
def file(version: str, name: str) -> Response:
    """Answer with a file. An older version's address gets today's file, uncached."""
    found = _files().get(name)
    if found is None:
        raise RingfenceError("not-found", name[:80], "There is no such file.")
    content, kind = found
    kept = "public, max-age=31536000, immutable" if version == _version() else "no-cache"
    return Response(content, 200, {"Cache-Control": kept}, kind)
