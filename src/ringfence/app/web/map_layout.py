"""Where the nodes of the map stand: sites as frames, zones as lanes in them, devices in rows. Nothing here draws.

Rule 1: the same nodes give the same picture, whatever order they come in.
Rule 2: a lane wraps; nothing overlaps, and the height grows with what there is (at most 200 nodes).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import log10
from typing import Any

from ringfence.app.escape import visible
from ringfence.store.read.rows import MapEdge, MapNode, MapView

__all__ = ["Box", "Drawing", "EdgeLine", "NodeBox", "drawing_of"]

WIDTH = 1120
_NODE_WIDTH, _NODE_HEIGHT = 142, 30
_GAP_X, _GAP_Y = 16, 14
_PADDING, _HEAD = 12, 28
_LETTERS = 17  # that fit into a node; fewer beside an icon
_NOWHERE = "outside"


@dataclass(frozen=True, slots=True)
class Box:
    """A frame with a name: a site or a zone."""

    id: str
    kind: str
    label: str
    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class NodeBox:
    """A device, several folded into one, or somebody outside."""

    id: str
    kind: str
    text: str  # as it fits
    title: str
    device_class: str | None
    worst: str | None
    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class EdgeLine:
    """A line between two nodes."""

    source: str
    target: str
    crosses: bool
    path: str
    width: float


@dataclass(frozen=True, slots=True)
class Drawing:
    """Everything that is drawn, in SVG units."""

    boxes: tuple[Box, ...]
    nodes: tuple[NodeBox, ...]
    edges: tuple[EdgeLine, ...]
    width: int
    height: int


def drawing_of(view: MapView) -> Drawing:
    """Place the nodes of a map."""
    named = {node.id: node for node in view.nodes}
    lanes = _lanes(view.nodes, named)
    boxes: list[Box] = []
    nodes: list[NodeBox] = []
    y = 0
    for site in sorted(lanes, key=lambda each: _order(named.get(each), each)):
        top = y
        framed = named.get(site) is not None
        y += _HEAD if framed else 0
        for zone in sorted(lanes[site], key=lambda each: _order(named.get(each), each)):
            y = _lane(named.get(zone), zone, lanes[site][zone], y, 10 if framed else 0, boxes, nodes)
        if framed:
            boxes.insert(0, Box(site, "site", named[site].label, 0, top, WIDTH, y - top))
            y += 16
    placed = {node.id: node for node in nodes}
    order = sorted(view.edges, key=lambda each: (each.crosses, each.source, each.target))
    edges = tuple(_line(edge, placed) for edge in order if edge.source in placed and edge.target in placed)
    return Drawing(tuple(boxes), tuple(nodes), edges, WIDTH, max(y, 60))


def _lanes(nodes: Iterable[MapNode], named: Mapping[str, MapNode]) -> dict[str, dict[str, list[MapNode]]]:
    """Sort what is drawn as a node by its site and its zone; what has neither stands in a lane of its own."""
    lanes: dict[str, dict[str, list[MapNode]]] = defaultdict(lambda: defaultdict(list))
    for node in nodes:
        if node.kind in ("site", "zone"):
            continue
        if node.kind == "outside":
            lanes[""][_NOWHERE].append(node)
            continue
        parent = named.get(node.parent or "")
        if parent is None:
            lanes[""][""].append(node)
        elif parent.kind == "site":
            lanes[parent.id][""].append(node)
        else:
            lanes[parent.parent if parent.parent in named else ""][parent.id].append(node)  # type: ignore[index]  # A zone's parent is in ``named`` then.
    return lanes


def _order(node: MapNode | None, key: str) -> tuple[Any, ...]:
    """Order outside first, then zones from the enterprise down to the process, then what has no place."""
    if node is None:
        return (0,) if key == _NOWHERE else (2,)
    return (1, -(node.purdue_level if node.purdue_level is not None else -1), node.label, node.id)


def _lane(
    zone: MapNode | None, key: str, members: list[MapNode], y: int, inset: int, boxes: list[Box], nodes: list[NodeBox]
) -> int:
    """Place one lane at ``y`` and return where the next begins."""
    width = WIDTH - 2 * inset
    columns = max((width - 2 * _PADDING + _GAP_X) // (_NODE_WIDTH + _GAP_X), 1)
    members = sorted(
        members, key=lambda each: (-(each.purdue_level or 0), each.device_class or "", each.label, each.id)
    )
    for place, node in enumerate(members):
        x = inset + _PADDING + (place % columns) * (_NODE_WIDTH + _GAP_X)
        nodes.append(_node(node, x, y + _HEAD + (place // columns) * (_NODE_HEIGHT + _GAP_Y)))
    rows = -(-len(members) // columns)
    height = _HEAD + rows * (_NODE_HEIGHT + _GAP_Y) + 2
    label = _lane_label(zone, key)
    boxes.append(Box(key or "nowhere", "zone", label, inset, y, width, height))
    return y + height + 12


def _lane_label(zone: MapNode | None, key: str) -> str:
    if zone is None:
        return "Not of these sites" if key == _NOWHERE else "No zone"
    level = f", level {zone.purdue_level:g}" if zone.purdue_level is not None else ""
    return zone.label + level


def _node(node: MapNode, x: int, y: int) -> NodeBox:
    label = visible(node.label) or "(no name)"
    many = f" ({node.count})" if node.count > 1 else ""
    room = _LETTERS - len(many) - (2 if node.worst else 0)
    text = (label if len(label) <= room else label[: room - 1] + "…") + many
    said = [label + many, (node.device_class or "").replace("_", " ")]
    if node.worst:
        said.append(f"worst finding {node.worst}")
    title = ", ".join(each for each in said if each)
    return NodeBox(node.id, node.kind, text, title, node.device_class, node.worst, x, y, _NODE_WIDTH, _NODE_HEIGHT)


def _line(edge: MapEdge, placed: Mapping[str, NodeBox]) -> EdgeLine:
    source, target = placed[edge.source], placed[edge.target]
    width = round(min(1 + log10(edge.bytes + 1) * 0.3, 3.2), 2)
    return EdgeLine(edge.source, edge.target, edge.crosses, _path(source, target), width)


def _path(source: NodeBox, target: NodeBox) -> str:
    x1, x2 = source.x + source.width // 2, target.x + target.width // 2
    if source.id == target.id:
        return f"M{x1 - 12} {source.y}c-14 -16 38 -16 24 0"
    if source.y == target.y:
        lift = min(12 + abs(x2 - x1) * 0.05, 24)
        return f"M{x1} {source.y}C{x1} {source.y - lift:.1f} {x2} {target.y - lift:.1f} {x2} {target.y}"
    down = target.y > source.y
    y1 = source.y + (source.height if down else 0)
    y2 = target.y + (0 if down else target.height)
    bend = (y2 - y1) / 2
    return f"M{x1} {y1}C{x1} {y1 + bend:.1f} {x2} {y2 - bend:.1f} {x2} {y2}"
