"""A small client of the REST API, used by the command line and by programs: standard library only.

Rule 1: TLS is verified, always. A token goes over plain HTTP to this machine only. Redirects are not followed.
Rule 2: what changes nothing (GET), or carries an Idempotency-Key, is tried again; nothing else is.
Rule 3: a problem that the server answers is raised as the same ``RingfenceError``; what it says is hostile text.
"""

from __future__ import annotations

import json
import os
import ssl
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from ipaddress import ip_address
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import quote, urlencode, urlsplit

from ringfence import __version__
from ringfence.model.errors import CODES, RingfenceError

if TYPE_CHECKING:
    from ringfence.app.api import answers
    from ringfence.app.api.v1 import device_acts

__all__ = ["Client", "from_environment"]

_DEFAULT_SERVER = "http://127.0.0.1:8470"
_LARGEST_ANSWER = 64_000_000  # bytes
_PAGE = 500  # rows asked for at once
_AGAIN = frozenset((429, 502, 503, 504))
_LONGEST_WAIT = 30.0  # seconds, whatever Retry-After says


class Client:
    """Speaks to one server.

    Args:
        server: such as ``https://ringfence.example.com`` or ``http://127.0.0.1:8470``.
        token: an API token.
        ca: PEM file with the authorities to trust instead of the system's.
        timeout: seconds without a byte before a request is given up.
        tries: how often a request that may be repeated is sent at most.
        sleep: waits so many seconds between tries.

    Raises:
        RingfenceError: ``usage`` for an address that can't be used, ``input-not-found`` for ``ca``.
    """

    def __init__(
        self,
        server: str = _DEFAULT_SERVER,
        token: str | None = None,
        *,
        ca: Path | None = None,
        timeout: float = 30.0,
        tries: int = 3,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._server = server.rstrip("/")
        self._host, self._port, secure, self._prefix = _address(server)
        if token and not secure and not _is_here(self._host):
            raise RingfenceError("usage", server, "A token goes over https only; plain http is for this machine.")
        self._token, self._timeout, self._tries, self._sleep = token, timeout, tries, sleep
        self._tls = _context(ca) if secure else None

    def devices(
        self, query: str = "", *, sort: str | None = None, limit: int | None = None
    ) -> Iterator[answers.DeviceAnswer]:
        """Yield the devices that fit, page by page."""
        return cast("Iterator[answers.DeviceAnswer]", self.rows("devices", query, sort=sort, limit=limit))

    def findings(
        self, query: str = "", *, sort: str | None = None, limit: int | None = None
    ) -> Iterator[answers.FindingAnswer]:
        """Yield the findings that fit, page by page."""
        return cast("Iterator[answers.FindingAnswer]", self.rows("findings", query, sort=sort, limit=limit))

    def conversations(
        self, query: str = "", *, sort: str | None = None, limit: int | None = None
    ) -> Iterator[answers.ConversationAnswer]:
        """Yield the conversations that fit, page by page."""
        return cast("Iterator[answers.ConversationAnswer]", self.rows("conversations", query, sort=sort, limit=limit))

    def sensors(self) -> list[answers.SensorAnswer]:
        """Return every sensor with its quality verdict."""
        return cast("list[answers.SensorAnswer]", self.get("/sensors")["sensors"])

    def device(self, identity: str) -> answers.DevicePageAnswer:
        """Return one device with everything."""
        return cast("answers.DevicePageAnswer", self.get(f"/devices/{quote(identity, safe='')}"))

    def finding(self, identity: str) -> answers.FindingPageAnswer:
        """Return one finding with everything."""
        return cast("answers.FindingPageAnswer", self.get(f"/findings/{quote(identity, safe='')}"))

    def change_device(self, identity: str, version: int, changes: Mapping[str, Any]) -> answers.DevicePageAnswer:
        """Change what people say of a device (zone, site, owner, criticality, safety, note, labels).

        Args:
            identity: of the device.
            version: that was read; where another changed it meanwhile, nothing is changed.
            changes: new values by name.

        Raises:
            RingfenceError: ``changed-meanwhile``, ``value-refused``, ``not-found`` …
        """
        path = f"/devices/{quote(identity, safe='')}"
        made = self._asked("PATCH", path, {}, changes, {"If-Match": f'"{version}"'})
        return cast("answers.DevicePageAnswer", made)

    def change_devices(
        self,
        changes: Mapping[str, Any],
        *,
        versions: Mapping[str, int] | None = None,
        query: str | None = None,
        count: int | None = None,
        add_labels: Iterable[str] = (),
        remove_labels: Iterable[str] = (),
        reason: str | None = None,
        key: str | None = None,
    ) -> device_acts.DevicesChanged:
        """Change what people say of many devices, all or none (zone, site, owner, criticality, labels).

        Args:
            changes: new values by name; None takes back.
            versions: the devices by id, each with the version that was read.
            query: instead of ``versions``: every device that fits.
            count: how many devices fitted the query; where it fits another number now, nothing is changed.
            add_labels: to put on.
            remove_labels: to take away.
            reason: for the audit log.
            key: the Idempotency-Key, by default a new one.

        Raises:
            RingfenceError: ``changed-meanwhile``, ``value-refused``, ``not-found`` …
        """
        wanted: dict[str, Any] = {"said": dict(changes), "reason": reason}
        wanted |= {"add_labels": list(add_labels), "remove_labels": list(remove_labels)}
        if versions is not None:
            wanted["devices"] = [{"id": each, "version": version} for each, version in versions.items()]
        if query is not None:
            wanted |= {"q": query, "count": count}
        return cast("device_acts.DevicesChanged", self.post("/devices/changes", wanted, key=key))

    def erase_device(self, identity: str, reason: str, *, key: str | None = None) -> device_acts.ErasureAnswer:
        """Erase all that is kept of a device, for good; the answer says what stays.

        Raises:
            RingfenceError: ``approval-needed`` until another person approved it: then ask again; ``not-found``.
        """
        path = f"/devices/{quote(identity, safe='')}/erasure"
        return cast("device_acts.ErasureAnswer", self.post(path, {"reason": reason}, key=key))

    def rows(
        self, noun: str, query: str = "", *, sort: str | None = None, limit: int | None = None
    ) -> Iterator[dict[str, Any]]:
        """Yield the rows of a list (``devices``, ``findings``, ``conversations``, ``flows``), page by page."""
        left, cursor = limit, None
        while left is None or left > 0:
            size = _PAGE if left is None else min(left, _PAGE)
            page = self.get(f"/{noun}", q=query or None, sort=sort, limit=size, cursor=cursor)
            yield from page[noun]
            cursor = page["next"]
            if cursor is None:
                return
            left = None if left is None else left - len(page[noun])

    def get(self, path: str, **parameters: str | int | None) -> Any:
        """Return the answer of ``GET /api/v1…``."""
        return self._asked("GET", path, parameters, None, {})

    def post(self, path: str, body: Any, *, key: str | None = None) -> Any:
        """Return the answer of ``POST /api/v1…``; ``key`` is the Idempotency-Key, by default a new one."""
        return self._asked("POST", path, {}, body, {"Idempotency-Key": key or token_hex(16)})

    def _asked(
        self, method: str, path: str, parameters: Mapping[str, Any], body: Any, headers: Mapping[str, str]
    ) -> Any:
        given = {name: str(value) for name, value in parameters.items() if value is not None}
        target = f"{self._prefix}/api/v1{path}" + (f"?{urlencode(given)}" if given else "")
        sent = None if body is None else json.dumps(body).encode()
        may_repeat = method == "GET" or "Idempotency-Key" in headers
        for left in range(self._tries - 1, -1, -1):
            again = may_repeat and left > 0
            try:
                status, answered, data = self._sent(method, target, sent, headers)
            except (OSError, HTTPException) as error:
                if not again or isinstance(error, ssl.SSLCertVerificationError):
                    raise RingfenceError("server-unreachable", self._server, _why(error)) from error
                self._sleep(2.0 ** (self._tries - 1 - left) / 4)
                continue
            if status in _AGAIN and again:
                self._sleep(_wait(answered.get("retry-after"), self._tries - 1 - left))
                continue
            return self._understood(status, data)
        raise AssertionError  # The last turn returns or raises.

    def _sent(
        self, method: str, target: str, body: bytes | None, headers: Mapping[str, str]
    ) -> tuple[int, Mapping[str, str], bytes]:
        with closing(self._connection()) as connection:
            told = {"Accept": "application/json", "User-Agent": f"ringfence/{__version__}", **headers}
            if self._token:
                told["Authorization"] = f"Bearer {self._token}"
            if body is not None:
                told["Content-Type"] = "application/json"
            connection.request(method, target, body, told)
            answer: HTTPResponse = connection.getresponse()
            data = answer.read(_LARGEST_ANSWER + 1)
            if len(data) > _LARGEST_ANSWER:
                raise RingfenceError("server-refused", self._server, f"Its answer is over {_LARGEST_ANSWER:,} bytes.")
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}, data

    def _connection(self) -> HTTPConnection:
        if self._tls is None:
            return HTTPConnection(self._host, self._port, timeout=self._timeout)
        return HTTPSConnection(self._host, self._port, timeout=self._timeout, context=self._tls)

    def _understood(self, status: int, data: bytes) -> Any:
        try:
            made = json.loads(data) if data else None
        except (ValueError, RecursionError) as error:
            raise RingfenceError(
                "server-refused", self._server, f"It answers {status}, and not in JSON: is it Ringfence?"
            ) from error
        if 200 <= status < 300:
            return made
        problem = made if isinstance(made, dict) else {}
        code, culprit = str(problem.get("code")), str(problem.get("culprit") or self._server)
        detail = str(problem.get("detail") or f"It answers {status}.")
        raise RingfenceError(code if code in CODES else "server-refused", culprit, detail)


def from_environment(
    server: str | None = None, ca: str | None = None, environment: Mapping[str, str] | None = None
) -> Client:
    """Return a client for ``server`` or ``RINGFENCE_SERVER``, with the token of the environment.

    The token is ``RINGFENCE_TOKEN``, or what stands in the file that ``RINGFENCE_TOKEN_FILE`` names: an argument could
    be read by other users of the machine.

    Raises:
        RingfenceError: ``usage``, ``input-not-found``.
    """
    environment = os.environ if environment is None else environment
    token = environment.get("RINGFENCE_TOKEN")
    place = environment.get("RINGFENCE_TOKEN_FILE")
    if not token and place:
        try:
            token = Path(place).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise RingfenceError("input-not-found", place, "The token in it can't be read.") from error
    if token and not (token.isascii() and token.isprintable()):
        raise RingfenceError("usage", "RINGFENCE_TOKEN", "It is no token.")
    chosen = server or environment.get("RINGFENCE_SERVER") or _DEFAULT_SERVER
    return Client(chosen, token or None, ca=Path(ca) if ca else None)


def _address(server: str) -> tuple[str, int, bool, str]:
    try:
        parts = urlsplit(server)
        port = parts.port
    except ValueError as error:
        raise RingfenceError("usage", server, f"It is no address of a server: {error}.") from error
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment or parts.username:
        raise RingfenceError("usage", server, "It is no address such as https://ringfence.example.com.")
    secure = parts.scheme == "https"
    return parts.hostname, port or (443 if secure else 80), secure, parts.path.rstrip("/")


def _is_here(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _context(ca: Path | None) -> ssl.SSLContext:
    try:
        made = ssl.create_default_context(cafile=str(ca) if ca else None)
    except (OSError, ssl.SSLError) as error:
        raise RingfenceError("input-not-found", str(ca), "There are no certificates in PEM.") from error
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    return made


def _why(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"Its certificate does not verify: {error.verify_message}."
    if isinstance(error, TimeoutError):
        return "It does not answer in time."
    return f"{getattr(error, 'strerror', None) or str(error) or type(error).__name__}."


def _wait(said: str | None, turn: int) -> float:
    wanted = float(said) if said and said.isascii() and said.isdigit() and len(said) < 6 else 2.0**turn / 2
    return min(wanted, _LONGEST_WAIT)
