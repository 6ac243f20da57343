"""What the register asks of a store; ``store`` implements it (house.md)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from ringfence.model.device import Device

__all__ = ["DeviceStore"]


class DeviceStore(Protocol):
    """Devices over a process's life."""

    def save(self, devices: Iterable[Device]) -> None:
        """Insert or replace devices by id."""

    def load(self) -> Iterable[Device]:
        """Return every device known."""

    def moved(self, part_id: str, from_device: str, to_device: str, reason: str) -> None:
        """Write down that a merge or split changed where a part belongs."""
