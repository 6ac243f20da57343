"""The server process: a bound socket, TLS where it is not loopback, API and screens on it until it is told to stop.

Rule 1: the socket is bound before anything is said, so that the address told is the address served.
Rule 2: nothing but loopback is served without TLS. Without a certificate given, one is made, and its fingerprint told.
"""

from __future__ import annotations

import datetime
import ipaddress
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import uvicorn
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from starlette.types import ASGIApp

from ringfence.app.notify import notify
from ringfence.model.errors import RingfenceError
from ringfence.store.disk import write_whole

__all__ = ["Door", "fingerprint", "own_certificate", "serve"]

_VALID = 397  # days, the most that browsers accept
_RENEW = 30  # days before the end at which a new one is made


@dataclass(frozen=True, slots=True)
class Door:
    """A bound socket, and what is spoken on it."""

    listener: socket.socket
    certificate: Path | None = None
    key: Path | None = None

    @classmethod
    def open(cls, listen: str, certificate: Path | None, key: Path | None, folder: Path) -> Door:
        """Bind ``ADDRESS:PORT`` (port 0: any free one); make a certificate in ``folder`` where one is needed.

        Raises:
            RingfenceError: ``listen-refused``.
        """
        host, _, port = listen.rpartition(":")
        host = host.strip("[]")
        try:
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            listener = socket.socket(family, socket.SOCK_STREAM)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((host, int(port)))
            listener.listen()  # Who is told the address and comes at once waits for the answer, and is not refused.
        except OSError as error:
            raise RingfenceError("listen-refused", listen, error.strerror or str(error)) from error
        if certificate is None and not _is_loopback(listener):
            certificate, key = own_certificate(folder, host)
        if certificate is not None:
            _check(certificate, key)
        return cls(listener, certificate, key)

    @property
    def secure(self) -> bool:
        """Whether TLS is spoken."""
        return self.certificate is not None

    @property
    def url(self) -> str:
        """Where it is reached from this machine, without a slash at the end."""
        host, port = self.listener.getsockname()[:2]
        if ipaddress.ip_address(host).is_unspecified:
            host = "localhost"
        return f"{'https' if self.secure else 'http'}://{f'[{host}]' if ':' in host else host}:{port}"

    def origins(self, more: tuple[str, ...] = ()) -> tuple[str, ...]:
        """What browsers may call it: as given, else its own address and, on loopback, ``localhost``."""
        if more:
            return more
        port = self.listener.getsockname()[1]
        names = [self.url]
        if _is_loopback(self.listener):
            names.append(f"{self.url.partition('://')[0]}://localhost:{port}")
        return tuple(dict.fromkeys(names))


class _Server(uvicorn.Server):
    """Says that it stops before it waits for what is under way."""

    def __init__(self, config: uvicorn.Config, stopping: Callable[[], None]) -> None:
        super().__init__(config)
        self._stopping = stopping

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop."""
        self._stopping()
        await super().shutdown(sockets)


def serve(app: ASGIApp, door: Door, stopping: Callable[[], None]) -> None:
    """Serve until SIGINT or SIGTERM; requests under way are finished.

    Args:
        app: what answers.
        door: where.
        stopping: called first when it ends: what would go on for ever is to end by itself.
    """
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=5,
        timeout_keep_alive=15,
        h11_max_incomplete_event_size=64 * 1024,
        ssl_certfile=door.certificate,
        ssl_keyfile=door.key,
    )
    notify(f"READY=1\nSTATUS=Serving {door.url}")
    _Server(config, stopping).run(sockets=[door.listener])
    notify("STOPPING=1")


def own_certificate(folder: Path, host: str) -> tuple[Path, Path]:
    """Return certificate and key of our own, valid for ``host`` and this machine's name; renewed before they end."""
    certificate, key = folder / "tls.crt", folder / "tls.key"
    if certificate.exists() and key.exists() and _lasts(certificate):
        return certificate, key
    private = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Ringfence, made by itself")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=_VALID))
        .add_extension(x509.SubjectAlternativeName(_names(host)), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(private, hashes.SHA256())
    )
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    write_whole(key, pem)
    write_whole(certificate, made.public_bytes(serialization.Encoding.PEM))
    return certificate, key


def fingerprint(certificate: Path) -> str:
    """Return the SHA-256 of the certificate, as browsers show it."""
    made = x509.load_pem_x509_certificate(certificate.read_bytes())
    return made.fingerprint(hashes.SHA256()).hex(":").upper()


def _names(host: str) -> list[x509.GeneralName]:
    names: list[x509.GeneralName] = [x509.DNSName("localhost"), x509.DNSName(socket.gethostname() or "localhost")]
    try:
        address = ipaddress.ip_address(host)
        if not address.is_unspecified:
            names.append(x509.IPAddress(address))
    except ValueError:
        names.append(x509.DNSName(host))
    return names


def _lasts(certificate: Path) -> bool:
    try:
        made = x509.load_pem_x509_certificate(certificate.read_bytes())
    except ValueError:
        return False
    left = made.not_valid_after_utc - datetime.datetime.now(datetime.UTC)
    return left > datetime.timedelta(days=_RENEW)


def _check(certificate: Path, key: Path | None) -> None:
    try:
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        raise RingfenceError(
            "listen-refused", str(certificate), f"certificate and key can't be used: {error}"
        ) from error


def _is_loopback(listener: socket.socket) -> bool:
    return ipaddress.ip_address(listener.getsockname()[0]).is_loopback
