"""What people do to devices on the screens: say, tag, correct, merge, split, undo, for one or for many.

Rule 1: each act is one transaction with its audit entries; what it may touch is the guard's scope for that act.
Rule 2: after an act the browser is sent back to where it was, so that a reload does nothing twice.
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Form
from fastapi.responses import RedirectResponse

from ringfence.app.erasing import erase, let_go
from ringfence.app.web.address import path
from ringfence.app.web.frame import AtScreen, Visit, back_to
from ringfence.model.errors import RingfenceError
from ringfence.store import decide, views
from ringfence.store.many import annotate_many
from ringfence.store.notes import annotate
from ringfence.store.read.devices import rows_of

__all__ = ["router"]

router = APIRouter(include_in_schema=False)

Text = Annotated[str, Form()]
_SAFETY = {"yes": True, "no": False}


def _page(id: str, tab: str = "") -> str:  # noqa: A002 The word of the address.
    return path("devices", id) + (f"?tab={tab}" if tab else "")


def _person(visit: Visit) -> decide.Person:
    return decide.Person(visit.principal.name, visit.scope)


def _labels(text: str) -> list[str]:
    return [each.strip() for each in text.split(",") if each.strip()]


@router.post("/devices/{id}/note")
def note(
    visit: AtScreen,
    id: str,  # noqa: A002 The word of the address.
    version: Annotated[int, Form()],
    zone: Text = "",
    owner: Text = "",
    criticality: Text = "",
    labels: Text = "",
    note: Text = "",
) -> RedirectResponse:
    """Say where it stands, whose it is, how grave its loss would be; labels and a note."""
    said: dict[str, Any] = {"zone": zone or None, "owner": owner.strip() or None, "criticality": criticality or None}
    said |= {"labels": _labels(labels), "note": note.replace("\r\n", "\n").strip() or None}
    with visit.writing() as unit:
        before, after = annotate(unit, id, visit.scope, visit.principal.name, version, said)
        if before != after:
            visit.audit(unit, "device.note", id, before=before, after=after)
    return back_to(_page(id), "saved")


@router.post("/devices/{id}/safety")
def safety(
    visit: AtScreen,
    id: str,  # noqa: A002 The word of the address.
    version: Annotated[int, Form()],
    reason: Text,
    safety: Text = "",
) -> RedirectResponse:
    """Tag it as safety-critical or not, or take the tag away, which counts as safety-critical."""
    said = {"safety": _SAFETY.get(safety)}
    with visit.writing() as unit:
        before, after = annotate(unit, id, visit.scope, visit.principal.name, version, said)
        old, new = {"safety": before["safety"]}, {"safety": after["safety"]}
        visit.audit(unit, "device.safety", id, before=old, after=new, why=reason)
    return back_to(_page(id), "saved")


@router.post("/devices/{id}/erase")
def erase_device(
    visit: AtScreen,
    id: str,  # noqa: A002 The word of the address.
    name: Text = "",
    reason: Text = "",
) -> RedirectResponse:
    """Erase all that is kept of it, for good; its name is typed, so that nobody does it by a slip."""
    with visit.reading() as connection:
        known = rows_of(connection, [id], visit.scope).get(id)
    if known is not None and known.name.strip() != name.strip():
        raise RingfenceError("value-refused", "name", f"type the device's name to erase it: {known.name}")
    with visit.writing() as unit:
        erase(visit, unit, id, visit.scope, reason.strip() or None)
    let_go(visit.platform)
    return back_to("/devices", "erased")


@router.post("/devices/{id}/correct")
def correct(
    visit: AtScreen,
    id: str,  # noqa: A002 The word of the address.
    field: Text,
    value: Text,
    reason: Text = "",
) -> RedirectResponse:
    """Say what it is."""
    with visit.writing() as unit:
        made = decide.correct(unit, visit.platform.knowledge, _person(visit), id, field, value, reason or None)
        visit.audit(unit, "device.correct", id, after={"field": field, "value": made.value}, why=reason or None)
    return back_to(_page(id, "evidence"), "corrected")


@router.post("/devices/{id}/merge")
def merge(
    visit: AtScreen,
    id: str,  # noqa: A002 The word of the address.
    other: Text,
    reason: Text = "",
) -> RedirectResponse:
    """Say that it and another are one."""
    with visit.writing() as unit:
        decide.merge(unit, visit.platform.knowledge, _person(visit), [id, other.strip()], reason or None)
        visit.audit(unit, "device.merge", id, after={"devices": [id, other.strip()]}, why=reason or None)
    return back_to(_page(id, "evidence"), "merged")


@router.post("/devices/{id}/split")
def split(
    visit: AtScreen,
    id: str,  # noqa: A002 The word of the address.
    part: Annotated[list[str] | None, Form()] = None,
    reason: Text = "",
) -> RedirectResponse:
    """Say that some of its addresses are another device."""
    with visit.writing() as unit:
        decide.split(unit, visit.platform.knowledge, _person(visit), id, part or [], reason or None)
        visit.audit(unit, "device.split", id, after={"parts": part or []}, why=reason or None)
    return back_to(_page(id, "evidence"), "split")


@router.post("/devices/{id}/decisions/{decision}/undo")
def undo(visit: AtScreen, id: str, decision: str) -> RedirectResponse:  # noqa: A002 The word of the address.
    """Take a decision back."""
    with visit.writing() as unit:
        made = decide.undo(unit, visit.platform.knowledge, _person(visit), decision)
        visit.audit(unit, "decision.undo", decision, before={"kind": made.kind, "value": made.value})
    return back_to(_page(id, "evidence"), "undone")


# --- many -----------------------------------------------------------------------------------------------------------


@router.post("/devices/bulk")
def bulk(
    visit: AtScreen,
    device: Annotated[list[str] | None, Form()] = None,
    zone: Text = "",
    owner: Text = "",
    criticality: Text = "",
    label: Text = "",
    unlabel: Text = "",
    back: Text = "/devices",
) -> RedirectResponse:
    """Change the chosen devices, all or none. What is left empty stays; ``-`` as zone or owner takes it away."""
    chosen = dict.fromkeys(device or ())
    plain = {"zone": zone, "owner": owner.strip(), "criticality": criticality}
    said: dict[str, Any] = {name: None if text == "-" else text for name, text in plain.items() if text}
    with visit.writing() as unit:
        words = (_labels(label), _labels(unlabel))
        changed = annotate_many(unit, chosen, visit.scope, visit.principal.name, said, *words)
        for one, before, after in changed:
            visit.audit(unit, "device.note", one, before=before, after=after)
    return back_to(back if back.startswith("/devices") else "/devices", "changed", len(changed))


# --- saved views ----------------------------------------------------------------------------------------------------


@router.post("/devices/views")
def save_view(visit: AtScreen, name: Text, query: Text = "", shared: Text = "") -> RedirectResponse:
    """Keep the list as it stands under a name."""
    title = name.strip()
    if not 1 <= len(title) <= 60 or len(query) > 4_000:
        raise RingfenceError("value-refused", "name", "A view has a name of 1 to 60 letters.")
    with visit.writing() as unit:
        person = visit.principal.person
        kept = views.save(unit.connection, person, title, "devices", query, shared=shared == "1")
        if kept.shared:
            visit.audit(unit, "view.share", str(kept.number), after={"name": title, "query": query})
    return back_to(f"/devices?{query}" if query else "/devices", "view")


@router.post("/devices/views/{number}/remove")
def remove_view(visit: AtScreen, number: int) -> RedirectResponse:
    """Forget an own view."""
    with visit.writing() as unit:
        views.remove(unit.connection, visit.principal.person, number)
    return back_to("/devices", "view-removed")
