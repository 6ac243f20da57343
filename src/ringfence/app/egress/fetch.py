"""One way to fetch something over HTTP(S), bounded, that can't be turned against our own network.

Rule 1: the host is resolved once, each address is judged, and the connection goes to the very address that was judged:
    a name that answers differently the second time gains nothing.
Rule 2: https only; http only to loopback (a provider on the same machine, tests).
Rule 3: no redirect is followed, no proxy and no credentials of the environment are used; answers, headers and the
    whole exchange are bounded.
Rule 4: link-local (cloud metadata), multicast, unspecified and reserved addresses are refused; private ones are
    allowed, because identity providers of plants stand in private networks. Loopback is only for those who ask for it.
"""

from __future__ import annotations

import contextlib
import http.client
import ipaddress
import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from ringfence.model.errors import RingfenceError

__all__ = ["Answer", "fetch"]

_LARGEST = 1_048_576  # bytes of an answer
_PATIENCE = 10.0  # seconds for the whole exchange
_CONNECTING = 5.0  # seconds for one address


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]  # names in lower case
    body: bytes


def fetch(
    url: str,
    *,
    method: str = "GET",
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    loopback: bool = False,
    trust: str | None = None,
) -> Answer:
    """Fetch ``url`` and return the answer, whatever its status.

    Args:
        url: absolute.
        method: GET or POST.
        body: what is sent.
        headers: besides Host, Accept and Connection.
        loopback: whether the own machine may be asked.
        trust: PEM of certificate authorities to trust instead of the system's.

    Raises:
        RingfenceError: ``egress-refused``: the address is not allowed, not reachable, or its answer too long or slow.
    """
    parts = urlsplit(url)
    host, secure = parts.hostname, parts.scheme == "https"
    try:
        port = parts.port or (443 if secure else 80)
    except ValueError as error:
        raise _refused(url, str(error)) from error
    if not host or parts.scheme not in ("http", "https") or parts.username is not None or not url.isprintable():
        raise _refused(url, "it is no http or https address")
    addresses = _addresses(url, host, port, secure, loopback)
    deadline = time.monotonic() + _PATIENCE
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    sent = {"Accept": "application/json", "User-Agent": "ringfence", "Connection": "close", **(headers or {})}
    connection: http.client.HTTPConnection | None = None
    try:
        connection = _Pinned(host, port, addresses, deadline, _context(trust) if secure else None)
        connection.request(method, target, body=body, headers=sent)
        response = connection.getresponse()
        received = _read(url, response, connection, deadline)
        return Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, received)
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise _refused(url, f"{type(error).__name__}: {error}") from error
    finally:
        if connection is not None:
            with contextlib.suppress(OSError):
                connection.close()


class _Pinned(http.client.HTTPConnection):
    """A connection to addresses that were judged; TLS is checked against the name."""

    def __init__(
        self, host: str, port: int, addresses: list[str], deadline: float, context: ssl.SSLContext | None
    ) -> None:
        super().__init__(host, port, timeout=_CONNECTING)
        self._addresses = addresses
        self._deadline = deadline
        self._tls = context
        if context is not None:
            self.default_port = 443

    def connect(self) -> None:
        last: OSError = OSError("no address")
        for address in self._addresses:
            left = min(_CONNECTING, self._deadline - time.monotonic())
            if left <= 0:
                break
            try:
                raw = socket.create_connection((address, self.port), timeout=left)
            except OSError as error:
                last = error
                continue
            raw.settimeout(left)
            self.sock = self._tls.wrap_socket(raw, server_hostname=self.host) if self._tls else raw
            return
        raise last


def _addresses(url: str, host: str, port: int, secure: bool, loopback: bool) -> list[str]:
    try:
        found = sorted({str(row[4][0]) for row in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)})
    except (OSError, UnicodeError) as error:
        raise _refused(url, f"{host} can't be resolved") from error
    for text in found:
        address = ipaddress.ip_address(text.partition("%")[0])
        address = getattr(address, "ipv4_mapped", None) or address
        if address.is_loopback:
            if not loopback:
                raise _refused(url, "it is this machine")
            continue
        if not secure:
            raise _refused(url, "https is needed")
        if address.is_link_local or address.is_multicast or address.is_unspecified or address.is_reserved:
            raise _refused(url, f"{address} is link-local, multicast or reserved")
    return found


def _context(trust: str | None) -> ssl.SSLContext:
    made = ssl.create_default_context(cadata=trust)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    return made


def _read(
    url: str, response: http.client.HTTPResponse, connection: http.client.HTTPConnection, deadline: float
) -> bytes:
    parts: list[bytes] = []
    size = 0
    while True:
        left = deadline - time.monotonic()
        if left <= 0:
            raise _refused(url, f"no whole answer within {_PATIENCE:.0f} s")
        if connection.sock is not None:
            connection.sock.settimeout(left)
        part = response.read1(65_536)
        if not part:
            return b"".join(parts)
        size += len(part)
        if size > _LARGEST:
            raise _refused(url, f"the answer has more than {_LARGEST:,} bytes")
        parts.append(part)


def _refused(url: str, detail: str) -> RingfenceError:
    return RingfenceError("egress-refused", url.partition("?")[0][:200], detail[:300])
