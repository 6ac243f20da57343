"""Ringfence protects fleets of connected devices over their whole life.

``ringfence.analyze(paths)`` is the door for programs; the ``ringfence`` command is the one for people.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ringfence.app.analysis import Analysis
    from ringfence.app.library import AnalysisResult, analyze
    from ringfence.model.errors import RingfenceError

__version__ = "0.1.0"

__all__ = ["Analysis", "AnalysisResult", "RingfenceError", "__version__", "analyze"]

_LAZY = {
    "Analysis": "ringfence.app.analysis",
    "AnalysisResult": "ringfence.app.library",
    "RingfenceError": "ringfence.model.errors",
    "analyze": "ringfence.app.library",
}


def __getattr__(name: str) -> Any:
    """Load a public name when it is first used (PEP 562), so that ``import ringfence`` costs nothing."""
    module = _LAZY.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(module), name)


def __dir__() -> list[str]:
    return sorted(__all__)
