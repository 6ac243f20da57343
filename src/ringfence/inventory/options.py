"""What an operator may set about identification."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["InventoryOptions"]


@dataclass(frozen=True, slots=True)
class InventoryOptions:
    """Thresholds are calibrated on bench/truth: a wrong answer costs more than an unknown one."""

    class_threshold: float = 0.5  # below it the class is unknown
    vendor_threshold: float = 0.5
    text_threshold: float = 0.4  # product, model, firmware, serial, system
    addresses_per_mac: int = 24  # more IPv4 addresses behind one MAC, not confirmed by ARP, are other devices
    merge_limit: int = 8  # more parts that state the same serial number are copies, not interfaces
    claims_per_device: int = 200
