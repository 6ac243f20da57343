"""System, Single sign-on: the provider, which group gives which role, and a test that says which step failed.

Rule 1: the client's secret goes in and never comes out: not into the form again, not into an answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ringfence.app.access import sso
from ringfence.app.access.table import ROLES
from ringfence.app.web.frame import Visit
from ringfence.model.errors import RingfenceError
from ringfence.model.scope import EVERYWHERE
from ringfence.store.places import sites

if TYPE_CHECKING:
    # Screens hand connections on, and never speak SQL with them.
    from ringfence.store.database import Connection

__all__ = ["StepRow", "setting_of", "sso_tab", "steps_of", "tested"]

_BLANK = 3  # empty rows of the table
_MOST = 2_000  # rows
_LONGEST = 500  # characters of a group

#: Each step of the test: what it asks, and what to look at where it fails.
_STEPS: Mapping[str, tuple[str, str]] = {
    "setting": ("The setting is complete", "Mend what the answer names; nothing was sent yet."),
    "discovery": (
        "The provider's description can be read",
        "Compare the issuer, letter by letter, with what the provider calls itself; check that this server reaches it, "
        "and whether its certificate needs an authority of your own.",
    ),
    "keys": (
        "The provider's keys can be read",
        "The address of the keys comes from the provider's description: ask who runs it.",
    ),
    "client": (
        "The provider knows this client",
        "Compare client id and secret, and register the redirect address below with the provider.",
    ),
}


@dataclass(frozen=True, slots=True)
class StepRow:
    """A step of the test: ``ok`` is None where an earlier one failed, so that it was not tried."""

    name: str
    title: str
    ok: bool | None
    detail: str
    remedy: str


def sso_tab(connection: Connection, visit: Visit) -> Mapping[str, Any]:
    """Return the setting as it is, without its secret."""
    if not visit.may("GET", "/api/v1/sso"):
        return {"sso": None, "may_see": False}
    return {"may_see": True, "steps": (), **_form(connection, visit, sso.load(visit.access))}


def tested(connection: Connection, visit: Visit, setting: sso.Sso, steps: Sequence[StepRow]) -> Mapping[str, Any]:
    """Return the form as it was sent, and how the test went."""
    return {"may_see": True, "steps": steps, **_form(connection, visit, setting)}


def _form(connection: Connection, visit: Visit, setting: sso.Sso | None) -> dict[str, Any]:
    kept = sso.load(visit.access)
    shown = setting or sso.Sso(False, "", "", None)
    places = [("*", "Everywhere"), *sorted((one.id, one.name) for one in sites(connection, EVERYWHERE))]
    known = {site for site, _ in places}
    places += sorted({(site, site) for _, _, site in shown.mapping if site not in known})
    return {
        "sso": shown,
        "is_set": kept is not None,
        "secret_set": kept is not None and kept.secret is not None,
        "mapping": [*shown.mapping, *[("", "viewer", "*")] * _BLANK],
        "all_roles": ROLES,
        "places": places,
        "redirects": [f"{origin}/sso/callback" for origin in visit.platform.origins],
        "may_set": visit.may("POST", "/system/sso"),
    }


def setting_of(form: Mapping[str, Any]) -> sso.Sso:
    """Return the setting that a form says; an empty secret keeps the one that is set, a row without a group is none.

    Raises:
        RingfenceError: ``sso-setting`` where the table's columns are not equally long, or a text is too long.
    """
    columns = [form[name] or [] for name in ("group", "role", "site")]
    if len({len(column) for column in columns}) != 1 or len(columns[0]) > _MOST:
        raise RingfenceError("sso-setting", "mapping", f"at most {_MOST:,} rows of group, role and site")
    if any(len(text) > _LONGEST for column in columns for text in column):
        raise RingfenceError("sso-setting", "mapping", f"groups and sites have at most {_LONGEST} characters")
    mapping = tuple((group.strip(), role, site) for group, role, site in zip(*columns, strict=True) if group.strip())
    secret = form["secret"] or None
    if secret is None and form["public"] == "1":
        secret = ""
    trust = form["trust"].replace("\r\n", "\n").strip()
    return sso.Sso(
        form["enabled"] == "1",
        form["issuer"].strip(),
        form["client_id"].strip(),
        secret,
        form["scopes"].strip(),
        form["claim"].strip(),
        mapping,
        form["loopback"] == "1",
        trust + "\n" if trust else None,
    )


def steps_of(found: Sequence[sso.Step]) -> tuple[StepRow, ...]:
    """Return every step of the test with how it went; those after the one that failed were not tried."""
    went = {step.step: step for step in found}
    rows = []
    for name, (title, remedy) in _STEPS.items():
        step = went.get(name)
        if step is None:
            rows.append(StepRow(name, title, None, "An earlier step failed.", ""))
        else:
            rows.append(StepRow(name, title, step.ok, step.detail, "" if step.ok else remedy))
    return tuple(rows)
