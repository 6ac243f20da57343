"""An identity provider whose every answer a test can bend: what a hostile or broken one would send."""

from __future__ import annotations

import base64
import hmac
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey

CLIENT, CLIENT_SECRET = "ringfence", "hush of the client"
Bend = Callable[[dict[str, Any]], Any]


@dataclass
class Provider:
    """Its attributes are read at each request: a test changes them to make it lie."""

    issuer: str = ""
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "1", "use": "sig", "alg": "RS256"}))
    claims: dict[str, Any] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)
    header: dict[str, Any] = field(default_factory=lambda: {"alg": "RS256", "kid": "1"})
    sign_with: Any = None
    raw: dict[str, tuple[int, dict[str, str], bytes]] = field(default_factory=dict)  # path: an answer as it is
    asked: dict[str, Any] = field(default_factory=dict)  # code: the authorization request
    seen: list[str] = field(default_factory=list)

    def authorize(self, url: str) -> dict[str, str]:
        """Do what a browser and a person do at the provider; return the parameters of the way back."""
        words = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        code = sha256(url.encode()).hexdigest()[:20]
        self.asked[code] = words
        return {"code": code, "state": words["state"]}

    def answer(self, path: str, form: dict[str, list[str]], authorization: str) -> tuple[int, dict[str, str], bytes]:
        self.seen.append(path)
        if path in self.raw:
            return self.raw[path]
        if path == "/.well-known/openid-configuration":
            return self._json(
                {
                    "issuer": self.issuer,
                    "authorization_endpoint": f"{self.issuer}/authorize",
                    "token_endpoint": f"{self.issuer}/token",
                    "jwks_uri": f"{self.issuer}/jwks",
                    "code_challenge_methods_supported": ["S256"],
                    **self.metadata,
                }
            )
        if path == "/jwks":
            return self._json({"keys": [self.key.as_dict(private=False)]})
        if path == "/token":
            return self._token(form, authorization)
        return 404, {}, b""

    def _token(self, form: dict[str, list[str]], authorization: str) -> tuple[int, dict[str, str], bytes]:
        expected = base64.b64encode(f"{CLIENT}:{CLIENT_SECRET.replace(' ', '%20')}".encode()).decode()
        if authorization != f"Basic {expected}":
            return self._json({"error": "invalid_client"}, 401)
        asked = self.asked.pop(form.get("code", [""])[0], None)
        verifier = form.get("code_verifier", [""])[0]
        challenge = _text(sha256(verifier.encode()).digest())
        if asked is None or asked["code_challenge"] != challenge or asked["redirect_uri"] != form["redirect_uri"][0]:
            return self._json({"error": "invalid_grant"}, 400)
        now = int(time.time())
        claims = {"iss": self.issuer, "sub": "s1", "aud": CLIENT, "nonce": asked["nonce"], "iat": now, "exp": now + 300}
        claims = {name: value for name, value in {**claims, **self.claims}.items() if value is not None}
        if self.header["alg"] == "RS256":
            token = jwt.encode(self.header, claims, self.sign_with or self.key, algorithms=["RS256"])
        else:
            parts = ".".join(_text(json.dumps(each).encode()) for each in (self.header, claims))
            # HS256: the classic, HMAC whose key is the public key that everybody knows.
            known = self.key.as_pem(private=False)
            proof = hmac.digest(known, parts.encode(), "sha256") if self.header["alg"] == "HS256" else b""
            token = f"{parts}.{_text(proof)}"
        return self._json({"access_token": "a", "token_type": "Bearer", "id_token": token})

    @staticmethod
    def _json(content: Any, status: int = 200) -> tuple[int, dict[str, str], bytes]:
        return status, {"Content-Type": "application/json"}, json.dumps(content).encode()


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


@contextmanager
def running() -> Iterator[Provider]:
    """Run one on a free port of loopback."""
    provider = Provider()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._serve({})

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
            self._serve(parse_qs(body))

        def _serve(self, form: dict[str, list[str]]) -> None:
            path = urlsplit(self.path).path
            status, headers, body = provider.answer(path, form, self.headers.get("Authorization", ""))
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            try:
                self.wfile.write(body)
            except OSError:
                return  # Whoever asked has seen enough.

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 The name of the library.
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    provider.issuer = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
