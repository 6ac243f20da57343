"""What stands behind a part id: its address, and the device that it belongs to, as far as somebody may see it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection, select

from ringfence.model.scope import Scope
from ringfence.store.schema.inventory import device, device_part, part

__all__ = ["ELSEWHERE", "PartEnd", "ends"]

#: How an end is called that stands at a site which somebody may not see.
ELSEWHERE = "(another site)"
_CHUNK = 500


@dataclass(frozen=True, slots=True)
class PartEnd:
    """One end. ``device`` is None for a peer that is no device, and for what may not be seen."""

    device: str | None
    label: str
    address: str
    site: str | None = None
    zone: str | None = None


def ends(connection: Connection, parts: Iterable[str], scope: Scope) -> dict[str, PartEnd]:
    """Return what stands behind each part.

    Peers that are no device are named by their address only to those who see everything or see the device that they
    talk to: who asks for a conversation has been let through by its other end.
    """
    wanted = sorted(set(parts))
    joined = part.outerjoin(device_part, device_part.c.part == part.c.id).outerjoin(
        device, device.c.id == device_part.c.device
    )
    columns = (part.c.id, part.c.value, device.c.id.label("device"), device.c.name, device.c.site, device.c.zone)
    answer: dict[str, PartEnd] = {}
    for start in range(0, len(wanted), _CHUNK):
        some = select(*columns).select_from(joined).where(part.c.id.in_(wanted[start : start + _CHUNK]))
        for row in connection.execute(some):
            if row.device is None:
                answer[row.id] = PartEnd(None, row.value, row.value)
            elif scope.sees(row.site):
                answer[row.id] = PartEnd(row.device, row.name, row.value, row.site, row.zone)
            else:
                answer[row.id] = PartEnd(None, ELSEWHERE, "")
    for missing in wanted:
        answer.setdefault(missing, PartEnd(None, "(erased)", ""))
    return answer
