"""One device: who it is and why, what it does, what is wrong with it, and what people say of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from ringfence.app.web.frame import AtScreen, Visit, render
from ringfence.app.web.shown import words
from ringfence.detect.rules.ot_command import COMMANDS, OBJECTS
from ringfence.model.decision import CORRECTABLE
from ringfence.model.device import CLASSES, Claim
from ringfence.model.flow import Operation
from ringfence.model.query import Query, Term
from ringfence.store.places import zones
from ringfence.store.read.device import device
from ringfence.store.read.devices import devices
from ringfence.store.read.rows import DevicePage, DeviceRow, PeerRow

if TYPE_CHECKING:
    # Screens hand connections on, and never speak SQL with them.
    from ringfence.store.database import Connection

__all__ = ["router"]

router = APIRouter(include_in_schema=False)

_COMMAND_WORDS = {operation for _, operation in COMMANDS} | {operation for _, operation, _ in OBJECTS}
#: What of a certificate comes first, and under which words; the rest follows as it is called.
_CERTIFICATE = {
    "subject": "subject",
    "issuer": "issuer",
    "not_before": "valid from",
    "not_after": "valid until",
    "dns_names": "DNS names",
    "ip_names": "IP addresses",
    "self_signed": "self-signed",
    "key_type": "key",
    "key_bits": "key bits",
    "signature": "signature",
    "serial": "serial",
    "sha256": "SHA-256",
}
_SIMILAR = 20  # devices proposed for a merge


@router.get("/devices/{id}")
def device_screen(visit: AtScreen, id: str) -> HTMLResponse:  # noqa: A002 The word of the address.
    """Show one device."""
    with visit.reading() as connection:
        page = device(connection, id, visit.scope)
        tabs = _tabs(page)
        tab = visit.here.get("tab", "overview")
        tab = tab if tab in {key for key, _, _ in tabs} else "overview"
        can_write = visit.may("POST", f"/devices/{id}/note")
        similar = _similar(connection, visit, page.row) if can_write and tab == "evidence" else ()
        places = zones(connection, visit.scope)
    return render(
        visit,
        "device.html",
        "devices",
        device=page,
        tabs=tabs,
        tab=tab,
        commands=_commands(page.commands),
        chosen=lambda claim: _chosen(page.row, claim),
        certificate=_certificate,
        speaks_tls=any(peer.protocol == "tls" for peer in page.peers),
        can_write=can_write,
        can_tag=visit.may("POST", f"/devices/{id}/safety"),
        can_erase=visit.may("POST", f"/devices/{id}/erase"),
        zones=places,
        similar=similar,
        correctable=CORRECTABLE,
        classes=sorted(CLASSES),
    )


def _tabs(page: DevicePage) -> tuple[tuple[str, str, int], ...]:
    return (
        ("overview", "Overview", 0),
        ("evidence", "Identity evidence", len(page.claims)),
        ("peers", "Peers and commands", page.peers_total),
        ("secrets", "Certificates and credentials", len(page.certificates) + len(page.credentials)),
        ("findings", "Findings", len(page.findings)),
        ("timeline", "Timeline", len(page.timeline)),
        ("raw", "Raw", len(page.observations)),
    )


def _certificate(value: Mapping[str, Any]) -> list[tuple[str, str, Any]]:
    """Return what is known of a certificate as (field, words, value), the most important first."""
    order = [*_CERTIFICATE, *(name for name in value if name not in _CERTIFICATE and name != "position")]
    return [
        (name, _CERTIFICATE.get(name, words(name)), value[name])
        for name in order
        if value.get(name) not in (None, "", [], ())
    ]


def _commands(peers: tuple[PeerRow, ...]) -> list[tuple[PeerRow, Operation]]:
    """Return what changes something, the most frequent first; what else was asked only reads."""
    told = [(peer, each) for peer in peers for each in peer.operations if each.operation in _COMMAND_WORDS]
    return sorted(told, key=lambda pair: (-pair[1].count, pair[1].operation, pair[1].object or ""))


def _chosen(row: DeviceRow, claim: Claim) -> bool:
    answer: Any = row.device_class if claim.field == "class" else getattr(row, claim.field, None)
    return answer is not None and str(answer) == claim.value


def _similar(connection: Connection, visit: Visit, row: DeviceRow) -> tuple[DeviceRow, ...]:
    """Return devices of the same class and vendor: those that a person most likely means by "the other"."""
    terms = [Term("class", ":", (row.device_class,))]
    if row.vendor:
        terms.append(Term("vendor", ":", (row.vendor,)))
    page = devices(connection, Query(tuple(terms)), visit.scope, now=visit.now, limit=_SIMILAR)
    return tuple(each for each in page.rows if each.id != row.id)
