"""What reading captures can be told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from secrets import token_bytes

__all__ = ["ReadOptions"]


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """Options of one run.

    ``site_key`` seals secrets; without one a key is drawn for this run only, so that nothing sealed can be compared
    with another run.
    ``default_credentials`` are pairs (user, secret); an SNMP community has the user "".
    ``flows`` and ``transactions``: "drop", "keep" (for the API) or "write:PATH" (Parquet).
    ``progress(packets, position, total)`` is called about every ``progress_every`` packets; answering False stops.
    """

    workers: int = 1
    domain_per_input: bool = False
    site_key: bytes = field(default_factory=partial(token_bytes, 32), repr=False)
    default_credentials: tuple[tuple[bytes, bytes], ...] = field(default=(), repr=False)
    flows: str = "drop"
    transactions: str = "drop"
    observations: Path | None = None
    progress: Callable[[int, int, int], bool] | None = None
    progress_every: int = 1_000_000  # packets
