"""The map: sites, zones and devices with the traffic between them, drawn and as a table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from ringfence.app.web.frame import AtScreen, Visit, render
from ringfence.app.web.map_layout import drawing_of
from ringfence.store.places import sites, zones
from ringfence.store.read.rows import MapNode, MapView
from ringfence.store.read.sitemap import site_map

__all__ = ["router"]

router = APIRouter(include_in_schema=False)

_NODES = 200


@dataclass(frozen=True, slots=True)
class Link:
    """A row of the table twin."""

    source: MapNode
    target: MapNode
    protocols: tuple[str, ...]
    flows: int
    bytes: int
    crosses: bool


@router.get("/map")
def map_screen(visit: AtScreen) -> HTMLResponse:
    """Show the map."""
    site, zone = visit.here.get("site") or None, visit.here.get("zone") or None
    with visit.reading() as connection:
        view = site_map(connection, visit.scope, site_id=site, zone_id=zone, limit=_NODES)
        all_sites, all_zones = sites(connection, visit.scope), zones(connection, visit.scope)
    if visit.here.get("across") == "1":
        view = _across(view)
    nodes = {node.id: node for node in view.nodes}
    rows = _links(view, nodes)
    pick = visit.here.get("pick")
    return render(
        visit,
        "map.html",
        "map",
        drawing=drawing_of(view),
        rows=rows,
        crossing=sum(row.crosses for row in rows),
        hidden=view.hidden,
        sites=all_sites,
        zones=all_zones,
        picked=pick if pick in nodes else "",
        chosen=nodes.get(pick),
        nothing=_nothing(visit),
    )


def _across(view: MapView) -> MapView:
    """Keep the traffic between zones, and the nodes that take part in it."""
    edges = tuple(edge for edge in view.edges if edge.crosses)
    ends = {end for edge in edges for end in (edge.source, edge.target)}
    frames = ("site", "zone")
    return MapView(tuple(node for node in view.nodes if node.kind in frames or node.id in ends), edges, view.hidden)


def _links(view: MapView, nodes: Mapping[str, MapNode]) -> list[Link]:
    known = [edge for edge in view.edges if edge.source in nodes and edge.target in nodes]
    known.sort(key=lambda edge: (not edge.crosses, -edge.bytes, edge.source, edge.target))
    return [
        Link(nodes[edge.source], nodes[edge.target], edge.protocols, edge.flows, edge.bytes, edge.crosses)
        for edge in known
    ]


def _nothing(visit: Visit) -> str:
    if visit.here.get("across"):
        return "No traffic between zones was seen here. Devices without a zone cross none: give them one under Devices."
    if visit.here.get("zone") or visit.here.get("site"):
        return "Nothing to draw: no device stands there."
    return "Nothing to draw yet: no device was seen."
