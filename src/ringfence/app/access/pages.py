"""Pages for browsers: log-in, welcome (one-time links), one's own account, single sign-on's way there and back.

Rule 1: forms work without scripts; scripts only add passkeys and take a link's secret out of the address.
Rule 2: ``next`` leads only to paths of ours.
"""

from __future__ import annotations

from typing import Annotated

import segno
from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from ringfence.app.access import api_tokens, passkeys, people, second_factor, sessions, sso
from ringfence.app.access.access import DAY, Access
from ringfence.app.access.forgery import masked
from ringfence.app.access.guard import access_of, principal_of, where_of
from ringfence.app.access.passwords import SHORTEST
from ringfence.app.access.principal import Principal
from ringfence.app.access.screens import FILES, page
from ringfence.app.access.session_api import cookie_of, end_other_sessions, notices, origin_of, remove_second_factor
from ringfence.app.problems import status_of
from ringfence.model.errors import RingfenceError
from ringfence.store import credentials
from ringfence.store import people as rows

__all__ = ["router"]

router = APIRouter(include_in_schema=False)

_Text = Annotated[str, Form(max_length=2_000)]
_SSO = "ringfence-sso"  # cookie of a single sign-on on its way
_SAID = {
    "password": "The password is changed; your other sessions ended.",
    "totp": "The second factor is off.",
    "revoked": "The token is revoked.",
    "passkey": "The passkey is removed.",
    "ended": "Your other sessions ended.",
}


@router.get("/access/{name}")
def file(name: str) -> Response:
    """Answer with a style or script of these pages."""
    if name not in FILES:
        raise RingfenceError("not-found", name[:80])
    path, kind = FILES[name]
    return Response(path.read_bytes(), 200, {"Cache-Control": "no-cache"}, kind)


@router.get("/log-in")
def log_in_page(request: Request, next: str = "/") -> Response:  # noqa: A002 The word of the address.
    """Show the log-in."""
    return _log_in_page(request, next)


@router.post("/log-in")
def log_in(
    request: Request,
    name: _Text = "",
    password: _Text = "",
    code: _Text = "",
    next: _Text = "/",  # noqa: A002 As above.
) -> Response:
    """Log in by the form."""
    access = access_of(request)
    try:
        secret = people.log_in(access, name, password, code, where_of(request), replaces=cookie_of(request, access))
    except RingfenceError as error:
        return _log_in_page(request, next, name=name, error=error)
    return _begun(access, secret, next)


@router.post("/log-out")
def log_out(request: Request) -> Response:
    """End this session."""
    access = access_of(request)
    sessions.end(access, principal_of(request))
    response = RedirectResponse("/log-in", 303)
    sessions.clear_cookie(access, response)
    return response


@router.get("/welcome")
def welcome_page(request: Request) -> Response:
    """Show the form of a one-time link; the link's secret is behind '#' and doesn't arrive here."""
    return page(request, "welcome.html", link="", name="", display="", shortest=SHORTEST)


@router.post("/welcome")
def welcome(
    request: Request, link: _Text = "", name: _Text = "", display: _Text = "", password: _Text = ""
) -> Response:
    """Use a one-time link."""
    access = access_of(request)
    secret = link.strip().rpartition("#")[2]
    try:
        cookie = people.take_link(access, secret, name, display, password, where_of(request))
    except RingfenceError as error:
        words = {"link": secret, "name": name, "display": display, "shortest": SHORTEST}
        return page(request, "welcome.html", status_of(error.code.code), wrong=_told(error), **words)
    return _begun(access, cookie, "/")


@router.get("/sso/start")
def sso_start(request: Request, next: str = "/") -> Response:  # noqa: A002 As above.
    """Send the browser to the identity provider."""
    access = access_of(request)
    begun = sso.begin(access, origin_of(request, access), _ours(next))
    response = RedirectResponse(begun.url, 303)
    sessions.put_cookie(access, response, begun.ticket, sort=_SSO, age=600)
    return response


@router.get("/sso/callback")
def sso_callback(request: Request) -> Response:
    """Take the identity provider's answer."""
    access = access_of(request)
    ticket = request.cookies.get(sessions.cookie_name(access, _SSO), "")
    secret, target = sso.finish(
        access, ticket, dict(request.query_params), where_of(request), replaces=cookie_of(request, access)
    )
    response = _begun(access, secret, target)
    sessions.clear_cookie(access, response, _SSO)
    return response


@router.get("/account")
def account(request: Request, said: str = "") -> Response:
    """Show one's own account."""
    return _account(request, said=_SAID.get(said, ""))


@router.post("/account/password")
def password(request: Request, old: _Text = "", new: _Text = "") -> Response:
    """Change one's own password."""
    try:
        people.new_password(access_of(request), principal_of(request), old, new)
    except RingfenceError as error:
        return _account(request, error)
    return _back("password")


@router.post("/account/totp")
def totp(request: Request) -> Response:
    """Offer a key for an authenticator."""
    offer = second_factor.begin(access_of(request), principal_of(request))
    return _totp_page(request, offer["key"], offer["uri"], offer["ticket"])


@router.post("/account/totp/confirm")
def confirm_totp(request: Request, ticket: _Text = "", code: _Text = "") -> Response:
    """Turn the second factor on and show the recovery codes."""
    try:
        codes = second_factor.confirm(access_of(request), principal_of(request), ticket, code)
    except RingfenceError as error:
        return _account(request, error)
    told = "The second factor is on. Each of these recovery codes replaces a code of your authenticator once."
    return page(request, "once.html", title="Recovery codes", told=told, secrets=codes)


@router.post("/account/totp/remove")
def remove_totp(request: Request, password: _Text = "") -> Response:
    """Turn the second factor off."""
    try:
        remove_second_factor(access_of(request), principal_of(request), password)
    except RingfenceError as error:
        return _account(request, error)
    return _back("totp")


@router.post("/account/tokens")
def make_token(
    request: Request,
    name: _Text = "",
    days: Annotated[int, Form()] = 90,
    role: Annotated[list[str] | None, Form()] = None,
) -> Response:
    """Make a token and show its secret."""
    grants = [(word, site) for word, _, site in (each.partition(" ") for each in role or ())]
    try:
        _, secret = api_tokens.create(access_of(request), principal_of(request), name, grants, days * DAY)
    except RingfenceError as error:
        return _account(request, error)
    told = "Give this token to your program, as the header Authorization: Bearer."
    return page(request, "once.html", title="A new API token", told=told, secrets=[secret])


@router.post("/account/tokens/{id}/revoke")
def revoke_token(request: Request, id: str) -> Response:  # noqa: A002 As above.
    """Revoke a token."""
    api_tokens.revoke(access_of(request), principal_of(request), id)
    return _back("revoked")


@router.post("/account/passkeys/{id}/remove")
def remove_passkey(request: Request, id: str) -> Response:  # noqa: A002 As above.
    """Remove a passkey."""
    passkeys.remove(access_of(request), principal_of(request), id)
    return _back("passkey")


@router.post("/account/sessions/end")
def end_sessions(request: Request) -> Response:
    """End every other session."""
    end_other_sessions(access_of(request), principal_of(request))
    return _back("ended")


def _log_in_page(request: Request, target: str, name: str = "", error: RingfenceError | None = None) -> Response:
    access = access_of(request)
    setting = sso.load(access)
    return page(
        request,
        "log_in.html",
        status_of(error.code.code) if error else 200,
        wrong=_told(error) if error else "",
        name=name,
        next=_ours(target),
        wants_code=error is not None and error.code.code == "second-factor",
        passkeys=passkeys.available(access, origin_of(request, access)),
        sso=setting is not None and setting.enabled,
    )


def _account(request: Request, error: RingfenceError | None = None, said: str = "") -> Response:
    access, principal = access_of(request), principal_of(request)
    with access.platform.database.reading() as connection:
        person = rows.by_id(connection, principal.person)
        open_sessions = credentials.sessions_of(connection, principal.person, access.now())
        tokens = credentials.tokens_of(connection, principal.person)
        keys = credentials.passkeys_of(connection, principal.person)
    if person is None:
        raise RingfenceError("not-found", principal.person)
    return page(
        request,
        "account.html",
        status_of(error.code.code) if error else 200,
        wrong=_told(error) if error else "",
        said=said,
        csrf=masked(principal.csrf),
        principal=principal,
        grants=sorted(principal.grants),
        notices=notices(access),
        has_password=person.password is not None,
        second_factor=person.totp is not None,
        recovery=len(person.recovery),
        passkeys=keys,
        passkeys_host=passkeys.available(access, origin_of(request, access)),
        tokens=tokens,
        sessions=open_sessions,
        shortest=SHORTEST,
    )


def _totp_page(request: Request, key: str, uri: str, ticket: str) -> Response:
    picture = segno.make(uri, error="m").svg_data_uri(scale=4, border=2)
    principal: Principal = principal_of(request)
    return page(request, "totp.html", key=key, picture=picture, ticket=ticket, csrf=masked(principal.csrf))


def _begun(access: Access, secret: str, target: str) -> Response:
    response = RedirectResponse(_ours(target), 303)
    sessions.put_cookie(access, response, secret)
    return response


def _back(said: str) -> Response:
    return RedirectResponse(f"/account?said={said}", 303)


def _told(error: RingfenceError) -> str:
    shown = error.detail if error.code.code in ("password-weak", "person-invalid", "token-invalid") else ""
    return f"{error.code.title}{': ' + shown if shown else ''}. {error.code.remedy}"


def _ours(target: str) -> str:
    """Return ``target`` where it is a path of this server, else the first screen."""
    plain = target.startswith("/") and not target.startswith(("//", "/\\")) and target.isprintable()
    return target if plain and "\\" not in target else "/"
