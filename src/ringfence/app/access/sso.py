"""Single sign-on with one OpenID Connect provider: setting, log-in, the roles that groups give, the test button.

Rule 1: people are recognised by issuer and ``sub``, never by name or e-mail: who may choose a name at the provider must
    not become somebody here.
Rule 2: the roles that come from groups are replaced at each log-in; local roles stay. Without any role nobody comes in.
Rule 3: state, nonce and PKCE verifier travel in a sealed cookie of the browser that began, which lasts ten minutes and
    counts once, so that nobody is logged in to another's account by a link.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ringfence.app.access import sessions
from ringfence.app.access.access import MINUTE, SECOND, Access
from ringfence.app.access.people import checked_grants
from ringfence.app.egress import oidc
from ringfence.model.errors import RingfenceError
from ringfence.store import audit, people, settings
from ringfence.store.database import Connection
from ringfence.store.people import Grant, Person

__all__ = ["Begun", "Sso", "Step", "begin", "finish", "grants_of", "load", "save", "test"]

_KEY = "sso"
_LASTS = 10 * MINUTE
_MOST_GROUPS = 2_000


@dataclass(frozen=True, slots=True)
class Sso:
    """The setting.

    Args:
        enabled: whether the log-in page offers it.
        issuer: as the provider calls itself.
        client_id: as registered there.
        secret: the client's secret; None for a public client. Kept sealed, never shown.
        scopes: asked for; ``openid`` is needed.
        claim: which claim of the ID token holds the groups.
        mapping: (group, role, site): whoever is in the group holds the role at the site.
        loopback: whether the provider stands on this machine.
        trust: PEM of the authority that signed the provider's certificate, where the system does not know it.
    """

    enabled: bool
    issuer: str
    client_id: str
    secret: str | None
    scopes: str = "openid profile email"
    claim: str = "groups"
    mapping: tuple[tuple[str, str, str], ...] = ()
    loopback: bool = False
    trust: str | None = None


@dataclass(frozen=True, slots=True)
class Begun:
    """A log-in on its way: where the browser goes, and what it keeps."""

    url: str
    ticket: str


@dataclass(frozen=True, slots=True)
class Step:
    """What the test button tried."""

    step: str
    ok: bool
    detail: str


def load(access: Access) -> Sso | None:
    """Return the setting, None where nothing is set."""
    with access.platform.database.reading() as connection:
        kept = settings.get(connection, _KEY)
    return None if kept is None else _opened(access, kept)


def save(access: Access, setting: Sso, who: str, how: str, why: str | None = None) -> None:
    """Keep the setting; a ``secret`` of None keeps the one that is there.

    Raises:
        RingfenceError: ``sso-setting``, ``person-invalid``.
    """
    _check(setting)
    with access.platform.database.writing() as connection:
        before = settings.get(connection, _KEY)
        sealed = (before or {}).get("sealed")
        if setting.secret is not None:
            sealed = access.store.seal(setting.secret.encode(), "sso").hex() if setting.secret else None
        kept = {**_shown(setting), "sealed": sealed}
        settings.put(connection, _KEY, kept)
        old = None if before is None else {name: value for name, value in before.items() if name != "sealed"}
        changed = {**_shown(setting), "secret_changed": setting.secret is not None}
        audit.append(connection, access.now(), who, how, "sso.set", setting.issuer, old, changed, why)


def begin(access: Access, origin: str, target: str) -> Begun:
    """Return where to send the browser; ``target`` is the screen it wants afterwards.

    Raises:
        RingfenceError: ``sso-setting``, ``egress-refused``.
    """
    setting = _enabled(access)
    provider = oidc.discover(setting.issuer, loopback=setting.loopback, trust=setting.trust)
    words = {
        "state": secrets.token_urlsafe(32),
        "nonce": secrets.token_urlsafe(32),
        "verifier": secrets.token_urlsafe(48),
        "redirect": f"{origin}/sso/callback",
        "target": target,
        "issuer": setting.issuer,
    }
    url = oidc.authorization_url(
        provider,
        setting.client_id,
        words["redirect"],
        setting.scopes,
        words["state"],
        words["nonce"],
        words["verifier"],
    )
    return Begun(url, access.tickets.ticket(words, "sso", access.now() + _LASTS))


def finish(
    access: Access, ticket: str, query: Mapping[str, str], where: str, *, replaces: str | None = None
) -> tuple[str, str]:
    """Take the provider's answer and return the cookie of a new session, and the screen to go to.

    1. The browser brings the cookie of a log-in that it began less than ten minutes ago, for the first time.
    2. ``state`` is that cookie's, and ``iss`` (RFC 9207) is the issuer where it is given or promised.
    3. The code is exchanged with the PKCE verifier.
    4. Signature, algorithm, issuer, audience, nonce and times of the ID token hold.
    5. The person is found by issuer and ``sub``, or made; disabled people are refused.
    6. Groups give roles; without any role nobody comes in.

    Raises:
        RingfenceError: ``sso-refused``, ``sso-setting``, ``egress-refused``.
    """
    now = access.now()
    words = access.tickets.redeem(ticket, "sso", now) if ticket else None
    if words is None or not access.once.take(ticket, now + _LASTS, now):
        raise RingfenceError("sso-refused", "log-in", "it was not begun in this browser, is too old, or was used")
    setting = _enabled(access)
    if words["issuer"] != setting.issuer or not secrets.compare_digest(
        query.get("state", "").encode(), words["state"].encode()
    ):
        raise RingfenceError("sso-refused", "state", "the answer belongs to another log-in")
    if "error" in query:
        raise RingfenceError("sso-refused", "provider", query["error"][:100])
    provider = oidc.discover(setting.issuer, loopback=setting.loopback, trust=setting.trust)
    if query.get("iss", "" if provider.says_issuer else provider.issuer) != provider.issuer:
        raise RingfenceError("sso-refused", "iss", "the answer comes from another provider")
    token = oidc.redeem(
        provider, setting.client_id, setting.secret, words["redirect"], query.get("code", "")[:4_000], words["verifier"]
    )
    claims = oidc.verify(token, oidc.keys(provider), provider, setting.client_id, words["nonce"], now // SECOND)
    with access.platform.database.writing() as connection:
        person = _person(access, connection, setting, claims)
        if person.grants:
            return sessions.begin(access, connection, person, "oidc", where, replaces=replaces), words["target"]
    # Not raised inside the transaction, so that roles that were taken stay taken.
    raise RingfenceError("sso-refused", "groups", "no group of this account gives a role here")


def grants_of(setting: Sso, claims: Mapping[str, Any]) -> tuple[Grant, ...]:
    """Return the roles that an ID token's groups give."""
    found = claims.get(setting.claim)
    groups = {str(group) for group in found[:_MOST_GROUPS]} if isinstance(found, list) else set()
    if isinstance(found, str):
        groups = {found}
    return tuple(sorted({(role, site) for group, role, site in setting.mapping if group in groups}))


def test(access: Access, setting: Sso) -> list[Step]:
    """Try everything that can be tried without a person, and say of each step how it went."""
    return list(_tried(access, setting))


def _tried(access: Access, setting: Sso) -> Iterator[Step]:
    try:
        step = "setting"
        _check(setting)
        yield Step(step, True, f"rows that give roles: {len(setting.mapping)}")
        step = "discovery"
        provider = oidc.discover(setting.issuer, loopback=setting.loopback, trust=setting.trust)
        yield Step(step, True, f"the provider calls itself {provider.issuer}")
        step = "keys"
        yield Step(step, True, f"{len(oidc.keys(provider).keys)} keys for signatures")
        step = "client"
        yield _client(access, setting, provider)
    except RingfenceError as error:
        yield Step(step, False, str(error))


def _client(access: Access, setting: Sso, provider: oidc.Provider) -> Step:
    """Offer a code that can't exist: a provider that knows the client complains about the code, not the client."""
    redirect = f"{access.platform.origins[0]}/sso/callback"
    secret = setting.secret
    if secret is None and (kept := load(access)) is not None and kept.issuer == setting.issuer:
        secret = kept.secret
    try:
        oidc.redeem(provider, setting.client_id, secret, redirect, "ringfence-test", secrets.token_urlsafe(48))
    except RingfenceError as error:
        told = f"{error.culprit}: {error.detail}"
        known = "invalid_grant" in error.detail
        return Step("client", known, "the provider knows the client" if known else told)
    return Step("client", False, "the provider accepted a code that it never gave")


def _person(access: Access, connection: Connection, setting: Sso, claims: Mapping[str, Any]) -> Person:
    now = access.now()
    subject = f"{setting.issuer} {claims['sub']}"
    grants = checked_grants(grants_of(setting, claims))
    person = people.by_subject(connection, subject)
    if person is None and not grants:
        raise RingfenceError("sso-refused", "groups", "no group of this account gives a role here")
    if person is None:
        id_ = secrets.token_hex(8)
        name = _free_name(connection, claims)
        display = str(claims.get("name") or name)[:100]
        people.add(connection, id_, name, display, now, subject=subject)
        audit.append(connection, now, name, "single sign-on", "person.create", id_, after={"subject": subject})
        person = people.by_id(connection, id_)
        assert person is not None  # noqa: S101 It was added in this very transaction.
    if person.disabled:
        raise RingfenceError("sso-refused", "account", "it is disabled here")
    people.set_grants(connection, person.id, grants, source="oidc")
    changed = people.by_id(connection, person.id)
    assert changed is not None  # noqa: S101 As above.
    if changed.grants != person.grants:
        before, after = {"roles": sorted(person.grants)}, {"roles": sorted(changed.grants)}
        audit.append(connection, now, person.name, "single sign-on", "person.roles", person.id, before, after)
    return changed


def _free_name(connection: Connection, claims: Mapping[str, Any]) -> str:
    wanted = str(claims.get("preferred_username") or claims.get("email") or f"sso-{claims['sub']}")
    plain = "".join(letter for letter in people.normal_name(wanted) if letter.isprintable() and not letter.isspace())
    plain = plain[:80] or "sso"
    name = plain
    while people.by_name(connection, name) is not None:
        name = f"{plain}-{secrets.token_hex(2)}"
    return name


def _check(setting: Sso) -> None:
    local = setting.loopback
    if not setting.issuer.startswith(("https://", "http://") if local else "https://") or "?" in setting.issuer:
        raise RingfenceError("sso-setting", "issuer", "an https address, or http on this machine with loopback")
    if not setting.client_id or len(setting.client_id) > 500:
        raise RingfenceError("sso-setting", "client_id", "as registered at the provider")
    if "openid" not in setting.scopes.split():
        raise RingfenceError("sso-setting", "scopes", "openid is needed")
    if not all(group for group, _, _ in setting.mapping):
        raise RingfenceError("sso-setting", "mapping", "a group without a name")
    checked_grants((role, site) for _, role, site in setting.mapping)


def _enabled(access: Access) -> Sso:
    setting = load(access)
    if setting is None or not setting.enabled:
        raise RingfenceError("sso-setting", "sso", "it is not enabled")
    return setting


def _shown(setting: Sso) -> dict[str, Any]:
    return {
        "enabled": setting.enabled,
        "issuer": setting.issuer,
        "client_id": setting.client_id,
        "scopes": setting.scopes,
        "claim": setting.claim,
        "mapping": [list(row) for row in setting.mapping],
        "loopback": setting.loopback,
        "trust": setting.trust,
    }


def _opened(access: Access, kept: Mapping[str, Any]) -> Sso:
    sealed = kept.get("sealed")
    secret = access.store.open(bytes.fromhex(sealed), "sso") if sealed else None
    rows: Iterable[Any] = kept["mapping"]
    return Sso(
        bool(kept["enabled"]),
        str(kept["issuer"]),
        str(kept["client_id"]),
        secret.decode() if secret is not None else None,
        str(kept["scopes"]),
        str(kept["claim"]),
        tuple((str(group), str(role), str(site)) for group, role, site in rows),
        bool(kept["loopback"]),
        kept.get("trust"),
    )
