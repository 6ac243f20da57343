"""OpenID Connect as a client: discovery, keys, the code for tokens, and the checks of the ID token.

OpenID Connect Core 1.0 §3.1 (code flow), Discovery 1.0 §4, RFC 7636 (PKCE, S256), RFC 9207 (issuer in the answer).

Rule 1: ``alg`` is one of a list of asymmetric ones: neither ``none`` nor HMAC with the client's secret.
Rule 2: every end point that discovery names is fetched with the same bounds as discovery itself (``fetch.py``).
Rule 3: an ID token counts only with this issuer, this client as audience (and ``azp`` where there are several), our
    nonce, and times that hold with two minutes of tolerance.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from urllib.parse import quote, urlencode

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from ringfence.app.egress.fetch import Answer, fetch
from ringfence.model.errors import RingfenceError

__all__ = ["ALGORITHMS", "Provider", "authorization_url", "challenge_of", "discover", "keys", "redeem", "verify"]

ALGORITHMS = ("RS256", "PS256", "ES256", "ES384", "EdDSA", "RS384", "RS512", "PS384", "PS512")
_TOLERANCE = 120  # seconds


@dataclass(frozen=True, slots=True)
class Provider:
    """What discovery told, checked."""

    issuer: str
    authorization: str
    token: str
    jwks: str
    says_issuer: bool  # RFC 9207: the answer at our callback must carry ``iss``
    loopback: bool  # whether it stands on this machine
    trust: str | None


def discover(issuer: str, *, loopback: bool, trust: str | None = None) -> Provider:
    """Fetch and check a provider's metadata.

    Raises:
        RingfenceError: ``egress-refused``, ``sso-setting``.
    """
    url = issuer.rstrip("/") + "/.well-known/openid-configuration"
    data = _object(url, fetch(url, loopback=loopback, trust=trust))
    if data.get("issuer") != issuer:
        raise RingfenceError("sso-setting", issuer, f"the provider calls itself {str(data.get('issuer'))[:200]}")
    named = {name: data.get(name) for name in ("authorization_endpoint", "token_endpoint", "jwks_uri")}
    for name, value in named.items():
        if not isinstance(value, str) or not value.startswith(("https://", "http://") if loopback else "https://"):
            raise RingfenceError("sso-setting", name, "the provider names no usable address")
    if "S256" not in data.get("code_challenge_methods_supported", ["S256"]):
        raise RingfenceError("sso-setting", issuer, "the provider does not know PKCE with S256")
    says = data.get("authorization_response_iss_parameter_supported") is True
    return Provider(
        issuer,
        str(named["authorization_endpoint"]),
        str(named["token_endpoint"]),
        str(named["jwks_uri"]),
        says,
        loopback,
        trust,
    )


def keys(provider: Provider) -> KeySet:
    """Fetch the provider's public keys.

    Raises:
        RingfenceError: ``egress-refused``, ``sso-setting``.
    """
    data = _object(provider.jwks, fetch(provider.jwks, loopback=provider.loopback, trust=provider.trust))
    rows = data.get("keys")
    if not isinstance(rows, list) or len(rows) > 100:
        raise RingfenceError("sso-setting", provider.jwks, "it holds no list of keys")
    usable = [row for row in rows if isinstance(row, dict) and row.get("kty") in ("RSA", "EC", "OKP")]
    try:
        found = KeySet.import_key_set({"keys": [row for row in usable if row.get("use", "sig") == "sig"]})
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise RingfenceError("sso-setting", provider.jwks, f"a key can't be read: {error}") from error
    if not found.keys:
        raise RingfenceError("sso-setting", provider.jwks, "it holds no key for signatures")
    return found


def challenge_of(verifier: str) -> str:
    """Return PKCE's S256 challenge."""
    return base64.urlsafe_b64encode(sha256(verifier.encode()).digest()).decode().rstrip("=")


def authorization_url(
    provider: Provider, client: str, redirect: str, scopes: str, state: str, nonce: str, verifier: str
) -> str:
    """Return where the browser is sent."""
    words = {
        "response_type": "code",
        "client_id": client,
        "redirect_uri": redirect,
        "scope": scopes,
        "state": state,
        "nonce": nonce,
        "code_challenge": challenge_of(verifier),
        "code_challenge_method": "S256",
    }
    return provider.authorization + ("&" if "?" in provider.authorization else "?") + urlencode(words)


def redeem(provider: Provider, client: str, secret: str | None, redirect: str, code: str, verifier: str) -> str:
    """Exchange the code and return the ID token, not yet verified.

    Raises:
        RingfenceError: ``egress-refused``, ``sso-refused``.
    """
    words = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect, "code_verifier": verifier}
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    if secret:
        pair = f"{quote(client, safe='')}:{quote(secret, safe='')}".encode()
        headers["Authorization"] = "Basic " + base64.b64encode(pair).decode()
    else:
        words["client_id"] = client
    answer = fetch(
        provider.token,
        method="POST",
        body=urlencode(words).encode(),
        headers=headers,
        loopback=provider.loopback,
        trust=provider.trust,
    )
    if answer.status != 200:
        raise RingfenceError("sso-refused", provider.token, f"the provider refused the code: {_error(answer)}")
    token = _object(provider.token, answer).get("id_token")
    if not isinstance(token, str) or len(token) > 100_000:
        raise RingfenceError("sso-refused", provider.token, "the answer holds no ID token")
    return token


def verify(token: str, found: KeySet, provider: Provider, client: str, nonce: str, now: int) -> dict[str, Any]:
    """Check an ID token and return its claims. ``now`` in seconds since 1970.

    Raises:
        RingfenceError: ``sso-refused``.
    """
    try:
        claims = dict(jwt.decode(token, found, algorithms=list(ALGORITHMS)).claims)
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise RingfenceError(
            "sso-refused", "ID token", f"its signature does not hold: {type(error).__name__}"
        ) from error
    audience = claims.get("aud")
    audiences = audience if isinstance(audience, list) else [audience]
    expires, issued = claims.get("exp"), claims.get("iat")
    wrong = (
        ("issuer", claims.get("iss") != provider.issuer),
        ("audience", client not in audiences),
        ("azp", len(audiences) > 1 and claims.get("azp") != client),
        ("azp", "azp" in claims and claims["azp"] != client),
        ("nonce", claims.get("nonce") != nonce),
        ("exp", not isinstance(expires, int | float) or expires + _TOLERANCE <= now),
        ("iat", not isinstance(issued, int | float) or issued - _TOLERANCE > now),
        ("sub", not isinstance(claims.get("sub"), str) or not claims["sub"] or len(claims["sub"]) > 255),
    )
    for name, failed in wrong:
        if failed:
            raise RingfenceError("sso-refused", "ID token", f"its {name} is not what was expected")
    return claims


def _object(url: str, answer: Answer) -> dict[str, Any]:
    if answer.status != 200:
        raise RingfenceError("sso-setting", url, f"the provider answered {answer.status}")
    try:
        data = json.loads(answer.body)
    except (ValueError, RecursionError) as error:
        raise RingfenceError("sso-setting", url, "the answer is no JSON") from error
    if not isinstance(data, dict):
        raise RingfenceError("sso-setting", url, "the answer is no JSON object")
    return data


def _error(answer: Answer) -> str:
    try:
        return str(json.loads(answer.body).get("error", answer.status))[:100]
    except (ValueError, AttributeError, RecursionError):
        return str(answer.status)
