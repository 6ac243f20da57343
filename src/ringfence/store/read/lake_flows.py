"""Single flows from the lake, with the names of both ends, as far as somebody may see them.

Rule 1: a flow is shown where one end is a part of a device of the scope; the other end's name is ``ends``' to decide.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from sqlalchemy import Connection, select

from ringfence.model.errors import RingfenceError
from ringfence.model.scope import Scope
from ringfence.store.lake import Lake
from ringfence.store.lake_read import FlowFilter, LakeFlow, flows
from ringfence.store.read.device import survivor
from ringfence.store.read.devices import rows_of
from ringfence.store.read.ends import PartEnd, ends
from ringfence.store.read.where import scoped_devices
from ringfence.store.schema.inventory import device, device_part

__all__ = ["NamedFlow", "named_flows"]


@dataclass(frozen=True, slots=True)
class NamedFlow:
    """A flow with what stands behind its ends. An end at another site has neither name nor address."""

    flow: LakeFlow
    source: PartEnd
    destination: PartEnd


def named_flows(
    lake: Lake,
    wanted: FlowFilter,
    scope: Scope,
    *,
    identity: str | None = None,
    limit: int = 100,
    before: tuple[int, int] | None = None,
) -> tuple[NamedFlow, ...]:
    """Return flows, the newest start first.

    Args:
        lake: where they are.
        wanted: which; what may be seen is added here.
        scope: the sites that somebody may see.
        identity: only those with this device at one end.
        limit: rows.
        before: (start, flow id) of the last one of the page before.

    Raises:
        RingfenceError: ``not-found`` for a device that is none or may not be seen.
    """
    with lake.database.reading() as connection:
        parts = _parts(connection, scope, identity)
    found = flows(lake, replace(wanted, parts=parts), limit=limit, before=before)
    with lake.database.reading() as connection:
        named = ends(connection, {end for one in found for end in (one.source, one.destination)}, scope)
    return tuple(
        NamedFlow(
            one,
            _addressed(named[one.source], one.source_address),
            _addressed(named[one.destination], one.destination_address),
        )
        for one in found
    )


def _addressed(end: PartEnd, address: str) -> PartEnd:
    """A part is often a MAC; the flow knows the IP address that was used, which is shown where the end may be."""
    return replace(end, address=address) if end.address else end


def _parts(connection: Connection, scope: Scope, identity: str | None) -> list[str] | None:
    owned = select(device_part.c.part).join(device, device.c.id == device_part.c.device)
    if identity is not None:
        known = survivor(connection, identity)
        if known not in rows_of(connection, [known], scope):
            raise RingfenceError("not-found", identity[:80], "There is no such device.")
        return list(connection.execute(owned.where(device.c.id == known)).scalars())
    if scope.sites is None:
        return None
    return list(connection.execute(owned.where(scoped_devices(scope))).scalars())
