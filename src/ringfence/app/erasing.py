"""What erases for good, the same from the API and from a screen: how long things are kept, and one device.

Rule 1: the audit log holds a keyed digest of an erased device, never its id: who knows the device can find its erasure,
and nobody learns from the log that there was one.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from ringfence.app.access.acting import Acting
from ringfence.app.platform import Platform
from ringfence.model.scope import Scope
from ringfence.store import audit
from ringfence.store.erasure import erase_device
from ringfence.store.keys import Keys, derive
from ringfence.store.retention import Retention, retention, set_retention
from ringfence.store.ring import PacketRing
from ringfence.store.unit import UnitOfWork

__all__ = ["Erasure", "erase", "erased_digest", "keep_for", "let_go"]


@dataclass(frozen=True, slots=True)
class Erasure:
    """By what the audit log knows the device, how many rows of each kind went, and what stays: (what, sentence)."""

    digest: str
    erased: Mapping[str, int]
    stays: tuple[tuple[str, str], ...]


def keep_for(acting: Acting, unit: UnitOfWork, days: Mapping[str, int | None], why: str | None) -> None:
    """Set for some kinds after how many days they are erased, None: never; what is older goes within the hour."""
    before = retention(unit.connection)
    after = Retention(**{**asdict(before), **days})
    acting.audit(unit, "retention.set", "retention", before=asdict(before), after=asdict(after), why=why)
    set_retention(unit.connection, after)
    unit.change("setting", "retention", "changed", acting.principal.name, asdict(after))


def erase(acting: Acting, unit: UnitOfWork, identity: str, scope: Scope, why: str | None) -> Erasure:
    """Erase all that is kept of a device; ``let_go`` comes after the unit.

    Raises:
        RingfenceError: ``not-found``.
    """
    digest = erased_digest(acting.platform, identity)
    erased = erase_device(unit, identity, scope, acting.principal.name)
    stays = _stays(unit, identity)
    acting.audit(unit, "device.erase", digest, after={"erased": erased}, why=why)
    return Erasure(digest, erased, stays)


def erased_digest(platform: Platform, identity: str) -> str:
    """Return by what the audit log knows an erased device: HMAC-SHA-256 of its id under a key of the installation."""
    data = identity.encode("utf-8", "replace")
    return hmac.digest(derive(platform.secret, "erased-devices"), data, "sha256").hex()[:32]


def let_go(platform: Platform) -> None:
    """Take packets away that findings kept which are no more."""
    keys = Keys(platform.secret, platform.clock)
    PacketRing(platform.database, platform.folder, keys, platform.clock).let_go()


def _stays(unit: UnitOfWork, identity: str) -> tuple[tuple[str, str], ...]:
    days = retention(unit.connection).lake
    entries = audit.about(unit.connection, identity)
    told = [
        ("lake", f"Flows and transactions with its addresses, until their day is {days} days old."),
        ("packet_ring", "Packets of the ring, if there is one, until its bounds are reached."),
        ("others", "What names it elsewhere: facts about others, lists of what should be there, approvals."),
        ("addresses", "Its addresses, without anything about them."),
        ("news", "That somebody erased a device of this id, among the changes."),
        ("backups", "Backups that were made before."),
        ("sensor", "A sensor that sees it again tells of it anew."),
    ]
    if entries:
        old = f"{entries:,} earlier entries about it: the log is only added to. The erasure's own has a digest."
        told.insert(0, ("audit_log", old))
    return tuple(told)
