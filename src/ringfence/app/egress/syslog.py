"""Sends one line to a syslog server: RFC 5424 over UDP (RFC 5426), TCP (RFC 6587, octet counting) or TLS (RFC 5425).

Rule 1: over UDP nobody knows whether it came through; who anchors evidence should take TLS.
"""

from __future__ import annotations

import socket
import ssl
from datetime import UTC, datetime

from ringfence.model.errors import RingfenceError

__all__ = ["send"]

_PATIENCE = 5.0  # seconds
_PRIORITY = 13 * 8 + 5  # facility 13 "log audit", severity notice


def send(host: str, port: int, transport: str, message: str, time: int) -> None:
    """Send ``message`` (one line of printable ASCII) with ``time`` in nanoseconds since 1970.

    Raises:
        RingfenceError: ``egress-refused``.
    """
    stamp = datetime.fromtimestamp(time // 1_000_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    line = f"<{_PRIORITY}>1 {stamp} {socket.gethostname()[:255] or '-'} ringfence - audit - {message}".encode()
    try:
        if transport == "udp":
            family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
            with socket.socket(family, kind, protocol) as out:
                out.sendto(line, address)
            return
        with socket.create_connection((host, port), timeout=_PATIENCE) as raw:
            framed = f"{len(line)} ".encode() + line
            if transport == "tls":
                with ssl.create_default_context().wrap_socket(raw, server_hostname=host) as wrapped:
                    wrapped.sendall(framed)
            else:
                raw.sendall(framed)
    except (OSError, UnicodeError) as error:
        raise RingfenceError("egress-refused", f"{host}:{port}", str(error)) from error
