"""The map: sites, their zones, the devices in them, and the traffic between; never more nodes than asked for.

Rule 1: what doesn't fit is folded, not dropped: the devices of one zone and class become one node with their number.
What can't be drawn even so is counted in ``hidden``.
Rule 2: everything outside (peers that are no device, and devices at other sites) is one node, ``outside``.
Rule 3: an edge stands between what is drawn; traffic within a folded node is no edge.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from sqlalchemy import Connection, func, select

from ringfence.model.finding import Severity
from ringfence.model.scope import Scope
from ringfence.store.read.paging import bounded
from ringfence.store.read.rows import MapEdge, MapNode, MapView
from ringfence.store.read.where import scoped_conversations, scoped_devices
from ringfence.store.schema.inventory import device, device_part, site, zone
from ringfence.store.schema.traffic import conversation

__all__ = ["NO_SITE", "NO_ZONE", "OUTSIDE", "site_map"]

OUTSIDE = "outside"
NO_SITE = "no-site"
NO_ZONE = "no-zone"
_EDGES = 2_000  # edges drawn, those with the most bytes
_PROTOCOLS = 8  # protocols named on an edge


@dataclass(slots=True)
class _Group:
    """Devices of one site, zone and class."""

    site: str | None
    zone: str | None
    device_class: str
    ids: list[str] = field(default_factory=list)
    worst: int = -1
    level: float | None = None


def site_map(
    connection: Connection,
    scope: Scope,
    *,
    site_id: str | None = None,
    zone_id: str | None = None,
    since: int | None = None,
    limit: int = 200,
) -> MapView:
    """Return the map of all sites, of one site, or of one zone.

    Args:
        site_id, zone_id: only what stands there (``no-site``, ``no-zone``: where nobody said anything); the rest of
            what may be seen is part of ``outside``.
        since: only traffic that was seen since (ns since 1970).
        limit: nodes, sites, zones and ``outside`` included.

    Raises:
        RingfenceError: ``value-refused`` for the limit.
    """
    bounded(limit)
    groups = _groups(connection, scope, site_id, zone_id)
    nodes, drawn, hidden = _nodes(connection, groups, limit)
    edges, outside = _edges(connection, scope, drawn, since)
    if outside:
        nodes.append(MapNode(OUTSIDE, "outside", "Outside", None, None, None, None, outside))
    return MapView(tuple(nodes), tuple(edges), hidden)


def _groups(connection: Connection, scope: Scope, site_id: str | None, zone_id: str | None) -> list[_Group]:
    columns = (device.c.id, device.c.site, device.c.zone, device.c["class"], device.c.worst, device.c.purdue_level)
    statement = select(*columns).where(device.c.merged_into.is_(None), scoped_devices(scope)).order_by(device.c.id)
    for column, wanted, nowhere in ((device.c.site, site_id, NO_SITE), (device.c.zone, zone_id, NO_ZONE)):
        if wanted is not None:
            statement = statement.where(column.is_(None) if wanted == nowhere else column == wanted)
    groups: dict[tuple[str | None, str | None, str], _Group] = {}
    for identity, at, within, device_class, worst, level in connection.execute(statement):
        group = groups.setdefault((at, within, device_class), _Group(at, within, device_class))
        group.ids.append(identity)
        group.worst = max(group.worst, worst)
        if level is not None:
            group.level = level if group.level is None else min(group.level, level)
    return sorted(groups.values(), key=lambda one: (one.site or "~", one.zone or "~", one.device_class))


def _nodes(connection: Connection, groups: list[_Group], limit: int) -> tuple[list[MapNode], dict[str, _Drawn], int]:
    """Return the nodes, for each device which node stands for it, and how many devices have none."""
    places = _places(connection, groups)
    nodes = places[: limit - 1]
    shown = {node.id for node in nodes}
    room = limit - 1 - len(nodes)  # one for ``outside``
    total = sum(len(group.ids) for group in groups)
    groups = [group for group in groups if _parent(group) in shown]
    drawn: dict[str, _Drawn] = {}
    # The graver and the smaller a group, the sooner it is drawn device by device.
    open_up = sorted(groups, key=lambda one: (-one.worst, len(one.ids)))
    folded = len(groups)
    unfolded: set[int] = set()
    for group in open_up:
        if len(group.ids) - 1 + folded <= room:
            folded += len(group.ids) - 1
            unfolded.add(id(group))
    single = [one for group in groups if id(group) in unfolded for one in group.ids]
    names = _names(connection, single)
    for group in sorted(groups, key=lambda one: -one.worst):
        fresh = _group_nodes(group, names if id(group) in unfolded else None)
        if len(nodes) + len(fresh) > limit - 1:
            continue
        nodes += fresh
        for identity in group.ids:
            node = identity if id(group) in unfolded else fresh[0].id
            drawn[identity] = _Drawn(node, group.site, group.zone)
    return nodes, drawn, total - len(drawn)


@dataclass(frozen=True, slots=True)
class _Drawn:
    node: str
    site: str | None = None
    zone: str | None = None


def _parent(group: _Group) -> str:
    return f"zone:{group.site or NO_SITE}:{group.zone or NO_ZONE}"


def _group_nodes(group: _Group, names: dict[str, tuple[str, int, float | None]] | None) -> list[MapNode]:
    parent = _parent(group)
    if names is None:
        word = Severity(group.worst).word if group.worst >= 0 else None
        identity = f"folded:{group.site or NO_SITE}:{group.zone or NO_ZONE}:{group.device_class}"
        count = len(group.ids)
        return [MapNode(identity, "folded", group.device_class, parent, group.device_class, group.level, word, count)]
    nodes = []
    for one in group.ids:
        name, worst, level = names[one]
        word = Severity(worst).word if worst >= 0 else None
        nodes.append(MapNode(one, "device", name, parent, group.device_class, level, word, 1))
    return nodes


def _places(connection: Connection, groups: list[_Group]) -> list[MapNode]:
    """Return sites and the zones within each, with how many devices they hold."""
    sites = {row.id: row.name for row in connection.execute(select(site.c.id, site.c.name))}
    zones = {row.id: row for row in connection.execute(select(zone.c.id, zone.c.name, zone.c.purdue_level))}
    tree: dict[str | None, dict[str | None, list[_Group]]] = defaultdict(lambda: defaultdict(list))
    for group in groups:
        tree[group.site][group.zone].append(group)
    nodes = []
    for at in sorted(tree, key=lambda one: (one is None, sites.get(one or "", ""))):
        within = tree[at]
        name = sites.get(at, at) if at is not None else "No site"
        whole = [group for groups_there in within.values() for group in groups_there]
        key = f"site:{at or NO_SITE}"
        nodes.append(_place(key, "site", name, None, None, whole))
        for area, there in within.items():
            known = zones.get(area) if area is not None else None
            title, level = (known.name, known.purdue_level) if known else (area or "No zone", None)
            nodes.append(_place(f"zone:{at or NO_SITE}:{area or NO_ZONE}", "zone", title, key, level, there))
    return nodes


def _place(key: str, kind: str, name: str, parent: str | None, level: float | None, groups: list[_Group]) -> MapNode:
    worst = max((group.worst for group in groups), default=-1)
    word = Severity(worst).word if worst >= 0 else None
    return MapNode(key, kind, name, parent, None, level, word, sum(len(group.ids) for group in groups))


def _names(connection: Connection, ids: list[str]) -> dict[str, tuple[str, int, float | None]]:
    names = {}
    for start in range(0, len(ids), 500):
        some = device.c.id.in_(ids[start : start + 500])
        for row in connection.execute(
            select(device.c.id, device.c.name, device.c.worst, device.c.purdue_level).where(some)
        ):
            names[row.id] = (row.name, row.worst, row.purdue_level)
    return names


def _edges(
    connection: Connection, scope: Scope, drawn: dict[str, _Drawn], since: int | None
) -> tuple[list[MapEdge], int]:
    """Return the edges with the most bytes, and how many conversations lead outside."""
    client, server = device_part.alias("client"), device_part.alias("server")
    joined = conversation.outerjoin(client, client.c.part == conversation.c.source).outerjoin(
        server, server.c.part == conversation.c.destination
    )
    sums = (func.sum(conversation.c.bytes).label("bytes"), func.sum(conversation.c.flows).label("flows"))
    ends = (client.c.device.label("source"), server.c.device.label("target"), conversation.c.protocol)
    outer = func.count(conversation.c.key.distinct()).label("number")
    statement = select(*ends, *sums, outer).select_from(joined).where(scoped_conversations(scope))
    if since is not None:
        statement = statement.where(conversation.c.last >= since)
    found: dict[tuple[str, str], _Edge] = {}
    outside = 0
    for row in connection.execute(statement.group_by(*ends)):
        source, target = drawn.get(row.source or ""), drawn.get(row.target or "")
        if source is None and target is None:
            continue
        outside += row.number if source is None or target is None else 0
        pair = (source.node if source else OUTSIDE, target.node if target else OUTSIDE)
        if pair[0] == pair[1]:
            continue
        edge = found.setdefault(pair, _Edge(_crosses(source, target)))
        edge.crosses |= _crosses(source, target)
        edge.bytes += int(row.bytes)
        edge.flows += int(row.flows)
        edge.protocols[row.protocol] += int(row.bytes)
    most = sorted(found.items(), key=lambda one: (not one[1].crosses, -one[1].bytes, one[0]))[:_EDGES]
    return [_made(pair, edge) for pair, edge in most], outside


@dataclass(slots=True)
class _Edge:
    crosses: bool
    bytes: int = 0
    flows: int = 0
    protocols: dict[str, int] = field(default_factory=lambda: defaultdict(int))


def _made(pair: tuple[str, str], edge: _Edge) -> MapEdge:
    named = sorted(edge.protocols, key=lambda name: (-edge.protocols[name], name))[:_PROTOCOLS]
    return MapEdge(pair[0], pair[1], tuple(named), edge.bytes, edge.flows, edge.crosses)


def _crosses(source: _Drawn | None, target: _Drawn | None) -> bool:
    if source is None or target is None:
        return True
    return (source.site, source.zone) != (target.site, target.zone)
