"""Thresholds of the rules. All are per window of five minutes of capture time."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["DetectOptions"]


@dataclass(frozen=True, slots=True)
class DetectOptions:
    """Thresholds; the defaults are those that users of comparable products know."""

    scan_destinations: int = 50  # addresses tried in vain by one talker
    scan_ports: int = 25  # ports tried in vain on one address
    scan_arp_destinations: int = 40  # addresses asked for by ARP
    flood_flows: int = 15_000  # unanswered conversations of one talker, or of many, with one address
    flood_sources: int = 50  # talkers from which on it is a flood from many
    rsa_bits: int = 2048  # shorter RSA keys are weak
    elliptic_bits: int = 224  # shorter elliptic-curve keys are weak
    grouped_targets: int = 4  # from so many targets of one actor on, commands of one sort are one finding
    evidence_packets: int = 8  # packet references kept in a finding
