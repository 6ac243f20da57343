"""The API of one's own account: log-in, session, password, second factor, passkeys, tokens."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from ringfence.app.access import api_tokens, passkeys, people, second_factor, sessions
from ringfence.app.access.access import DAY, Access
from ringfence.app.access.guard import access_of, principal_of, where_of
from ringfence.app.access.principal import Principal
from ringfence.app.access.shapes import (
    CodeIn,
    Codes,
    ConfirmIn,
    LogIn,
    NewPassword,
    Offer,
    PasskeyAnswer,
    PasskeyIn,
    SessionAnswer,
    TokenAnswer,
    TokenIn,
    TokenMade,
    TotpOffer,
    passkey_answer,
    shaped,
    token_answer,
)
from ringfence.model.clock import rfc3339
from ringfence.model.errors import RingfenceError
from ringfence.store import audit, credentials
from ringfence.store import people as rows

__all__ = ["notices", "router"]

router = APIRouter(prefix="/api/v1", tags=["account"])


@router.get("/session", response_model=SessionAnswer)
def session(request: Request) -> SessionAnswer:
    """Say who asks and what they may do."""
    return _session(access_of(request), principal_of(request))


@router.post("/session", response_model=SessionAnswer)
def log_in(request: Request, response: Response, body: LogIn) -> SessionAnswer:
    """Log in with name, password and code; the cookie is the session."""
    access = access_of(request)
    secret = people.log_in(
        access, body.name, body.password, body.code, where_of(request), replaces=cookie_of(request, access)
    )
    return _begun(access, response, secret)


@router.delete("/session", status_code=204)
def log_out(request: Request, response: Response) -> None:
    """End this session."""
    access = access_of(request)
    sessions.end(access, principal_of(request))
    sessions.clear_cookie(access, response)


@router.post("/session/end-others", status_code=204)
def end_others(request: Request) -> None:
    """End every other session of one's own."""
    end_other_sessions(access_of(request), principal_of(request))


@router.post("/session/password", status_code=204)
def password(request: Request, body: NewPassword) -> None:
    """Change one's own password; other sessions end."""
    people.new_password(access_of(request), principal_of(request), body.old, body.new)


@router.post("/session/totp", response_model=TotpOffer)
def totp(request: Request) -> TotpOffer:
    """Get a key for an authenticator; nothing changes until a code is confirmed."""
    return TotpOffer(**second_factor.begin(access_of(request), principal_of(request)))


@router.post("/session/totp/confirm", response_model=Codes)
def confirm_totp(request: Request, body: ConfirmIn) -> Codes:
    """Turn the second factor on with a first code; answers the recovery codes, once."""
    return Codes(recovery=second_factor.confirm(access_of(request), principal_of(request), body.ticket, body.code))


@router.delete("/session/totp", status_code=204)
def remove_totp(request: Request, body: CodeIn) -> None:
    """Turn the second factor off; takes the password."""
    remove_second_factor(access_of(request), principal_of(request), body.password)


@router.get("/passkeys", response_model=list[PasskeyAnswer])
def list_passkeys(request: Request) -> list[PasskeyAnswer]:
    """List one's own passkeys."""
    return [passkey_answer(row) for row in passkeys.listed(access_of(request), principal_of(request))]


@router.post("/passkeys/options", response_model=Offer)
def passkey_options(request: Request) -> Offer:
    """Get what the browser needs to make a passkey."""
    access = access_of(request)
    return Offer(**passkeys.registration_options(access, principal_of(request), origin_of(request, access)))


@router.post("/passkeys", response_model=PasskeyAnswer, status_code=201)
def add_passkey(request: Request, body: PasskeyIn) -> PasskeyAnswer:
    """Register a passkey."""
    access = access_of(request)
    origin = origin_of(request, access)
    row = passkeys.register(access, principal_of(request), origin, body.ticket, body.name, body.credential)
    return passkey_answer(row)


@router.delete("/passkeys/{id}", status_code=204)
def remove_passkey(request: Request, id: str) -> None:  # noqa: A002 The word of the path.
    """Remove one's own passkey."""
    passkeys.remove(access_of(request), principal_of(request), id)


@router.post("/passkeys/log-in/options", response_model=Offer)
def passkey_log_in_options(request: Request) -> Offer:
    """Get what the browser needs to log in by a passkey."""
    access = access_of(request)
    return Offer(**passkeys.log_in_options(access, origin_of(request, access)))


@router.post("/passkeys/log-in", response_model=SessionAnswer)
def passkey_log_in(request: Request, response: Response, body: PasskeyIn) -> SessionAnswer:
    """Log in by a passkey."""
    access = access_of(request)
    secret = passkeys.log_in(
        access,
        origin_of(request, access),
        body.ticket,
        body.credential,
        where_of(request),
        replaces=cookie_of(request, access),
    )
    return _begun(access, response, secret)


@router.get("/tokens", response_model=list[TokenAnswer])
def list_tokens(request: Request) -> list[TokenAnswer]:
    """List one's own tokens; administrators and auditors see everybody's."""
    return [token_answer(row, owner) for row, owner in api_tokens.listed(access_of(request), principal_of(request))]


@router.post("/tokens", response_model=TokenMade, status_code=201)
def make_token(request: Request, body: TokenIn) -> TokenMade:
    """Make a token; its secret is answered here and never again."""
    principal = principal_of(request)
    grants = [(grant.role, grant.site) for grant in body.roles]
    token, secret = api_tokens.create(access_of(request), principal, body.name, grants, body.days * DAY)
    return TokenMade(token=token_answer(token, principal.name), secret=secret)


@router.delete("/tokens/{id}", status_code=204)
def revoke_token(request: Request, id: str) -> None:  # noqa: A002 As above.
    """Revoke a token; it is dead at once."""
    api_tokens.revoke(access_of(request), principal_of(request), id)


def notices(access: Access) -> list[str]:
    """Return what everybody who is logged in must see; screens show it on top."""
    with access.platform.database.reading() as connection:
        open_ = credentials.break_glass_sessions(connection, access.now())
    return [f"The break-glass account {name} is logged in since {rfc3339(since)[:16]}Z." for name, since in open_]


def cookie_of(request: Request, access: Access) -> str | None:
    """Return the session's cookie that came with a request."""
    return request.cookies.get(sessions.cookie_name(access))


def origin_of(request: Request, access: Access) -> str:
    """Return which of our origins the browser uses; the guard has checked both headers."""
    given = request.headers.get("origin")
    if given in access.platform.origins:
        return str(given)
    return f"{'https' if access.platform.secure else 'http'}://{request.headers['host'].lower()}"


def end_other_sessions(access: Access, principal: Principal) -> None:
    """End every session of a person but the one that asks."""
    with access.platform.database.writing() as connection:
        ended = credentials.end_sessions(connection, principal.person, keep=principal.session)
        audit.append(
            connection,
            access.now(),
            principal.name,
            principal.via,
            "session.end-others",
            principal.person,
            after={"ended": ended},
        )


def remove_second_factor(access: Access, principal: Principal, password: str) -> None:
    """Turn one's own second factor off.

    Raises:
        RingfenceError: ``log-in-refused``.
    """
    people.password_is(access, principal, password)
    with access.platform.database.writing() as connection:
        person = rows.by_id(connection, principal.person)
        if person is None:
            raise RingfenceError("not-found", principal.person)
        second_factor.remove(access, connection, person, principal.name, principal.via)


def _begun(access: Access, response: Response, secret: str) -> SessionAnswer:
    principal = sessions.of_cookie(access, secret)
    if principal is None:
        raise RingfenceError("log-in-refused", "session")
    sessions.put_cookie(access, response, secret)
    return _session(access, principal)


def _session(access: Access, principal: Principal) -> SessionAnswer:
    return SessionAnswer(
        name=principal.name,
        display=principal.display,
        how=principal.how,
        roles=shaped(principal.grants),
        csrf=principal.csrf,
        passkeys=passkeys.available(access),
        notices=notices(access),
    )
