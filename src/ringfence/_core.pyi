"""The compiled core: one stub, checked by stubtest."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeAlias, final

__all__ = [
    "CoreBatch",
    "CoreRun",
    "LiveStop",
    "Patterns",
    "capture",
    "frame",
    "live",
    "prove",
    "registry",
    "run",
    "trace",
]

_Address: TypeAlias = tuple[str, str]
_Packet: TypeAlias = tuple[int, int, int, int, int]
_Observation: TypeAlias = tuple[str, int, _Address, _Address | None, dict[str, Any], int, int, int, tuple[_Packet, ...]]
_Conversation: TypeAlias = tuple[int, _Address, _Address, str, str | None, int, bool, int, int, int, int, int]

@final
class CoreBatch:
    @property
    def window(self) -> int: ...
    @property
    def part(self) -> int: ...
    @property
    def closed(self) -> bool: ...
    @property
    def last(self) -> bool: ...
    @property
    def packets(self) -> int: ...
    @property
    def now(self) -> int: ...
    def summary(self) -> dict[str, Any]: ...
    def observations(self) -> list[_Observation]: ...
    def conversations(self) -> list[_Conversation]: ...
    def protocols(self) -> list[tuple[str, int, int, int, float]]: ...
    def flows(self) -> Any: ...
    def transactions(self) -> Any: ...

@final
class CoreRun:
    def summary(self) -> dict[str, Any]: ...
    def observations(self) -> list[_Observation]: ...
    def counts(self) -> list[tuple[str, int, int, int]]: ...
    def conversations(self) -> list[_Conversation]: ...
    def protocols(self) -> list[tuple[str, int, int, int, float]]: ...
    def flows(self) -> Any: ...
    def transactions(self) -> Any: ...

@final
class LiveStop:
    def __new__(cls) -> LiveStop: ...
    def stop(self) -> None: ...

@final
class Patterns:
    def __new__(cls, patterns: Sequence[tuple[str, bool]]) -> Patterns: ...
    @property
    def refused(self) -> list[int]: ...
    def first(self, text: str) -> tuple[int, list[str | None]] | None: ...
    def every(self, text: str, limit: int) -> list[tuple[int, list[str | None]]]: ...
    def __len__(self) -> int: ...

def capture(
    interface: str,
    *,
    output: int,
    descriptor: int | None = None,
    ring: int = 64,
    snap_length: int = 262_144,
    own: bool = False,
    group: int | None = None,
    filter: Sequence[tuple[int, int, int, int]] | None = None,  # noqa: A002 So it is called where packets are captured.
    seconds: float | None = None,
) -> tuple[str, int, int]: ...
def frame(path: str | Path, index: int) -> dict[str, Any] | None: ...
def live(
    sources: Sequence[str | Path | int],
    *,
    site_key: bytes,
    defaults: Sequence[tuple[bytes, bytes]],
    batch: Callable[[CoreBatch], bool],
    stop: LiveStop | None = None,
    per_input: bool = False,
    every: int = 300,
    grace: int = 10,
    sensor: str = "file",
    epoch: str = "",
) -> None: ...
def prove(interface: str, *, output: int, descriptor: int | None = None) -> list[tuple[str, int]]: ...
def registry() -> list[dict[str, Any]]: ...
def run(
    paths: Sequence[str | Path],
    *,
    workers: int = 1,
    per_input: bool = False,
    site_key: bytes,
    defaults: Sequence[tuple[bytes, bytes]],
    flows: str = "drop",
    transactions: str = "drop",
    observations: str | Path | None = None,
    progress: Callable[[int, int, int], bool] | None = None,
    progress_every: int = 1_000_000,
) -> CoreRun: ...
def trace(
    path: str | Path,
    *,
    site_key: bytes,
    first: int = 1,
    last: int = ...,
    defaults: Sequence[tuple[bytes, bytes]] = ...,
) -> list[tuple[int, int, str, _Address, _Address | None, dict[str, Any]]]: ...
