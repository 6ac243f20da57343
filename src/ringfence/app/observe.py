"""The server watching itself: log lines as JSON, ``/healthz``, ``/readyz``, ``/metrics``.

Rule 1: a log line holds the route's template, never the path, the query, a header or a body: links for one use, tokens
and passwords stand there. What looks like a secret in a message is blotted out all the same.
Rule 2: ``/healthz`` says that the process answers, ``/readyz`` that it can work: the store answers and has this
version's tables, and there is room to keep what comes. A sensor that is silent or does not run is told, but the server
is ready without it.
Rule 3: figures and details are for the same machine or a token; a proxy makes everybody look near, so whatever came
through one (``Forwarded``, ``X-Forwarded-For``, ``Via``) is not near.
"""

from __future__ import annotations

import hmac
import json
import logging
import re
import secrets
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import asdict
from ipaddress import ip_address
from typing import Any, TextIO

from fastapi import APIRouter, Request, Response
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ringfence import __version__
from ringfence.app.config import LogOptions, MetricsOptions
from ringfence.app.health import room, troubles
from ringfence.app.platform import Platform
from ringfence.model.clock import rfc3339
from ringfence.model.errors import CODES, RingfenceError
from ringfence.store.read import state

__all__ = ["JsonLines", "Observed", "Observer", "TextLines", "log_to", "readiness", "router"]

_log = logging.getLogger("ringfence.request")

_METHODS = frozenset("GET HEAD POST PUT PATCH DELETE OPTIONS".split())
_SILENT_SECONDS = 900  # three windows without a batch: a sensor is silent
_PROXIED = (b"forwarded", b"x-forwarded-for", b"via")

_SECRETS = (
    (re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]+"), r"\1 ***"),
    (re.compile(r"(://[^/\s:@]*):[^@\s]+@"), r"\1:***@"),
    (
        re.compile(
            r"(?i)\b((?:set-)?cookie|authorization|password|passwd|secret|token|csrf|totp|code|api[_-]?key)"
            r"(\s*[\"']?\s*[=:]\s*)(?:\"[^\"]*\"|'[^']*'|[^\s,;&]+)"
        ),
        r"\1\2***",
    ),
    (re.compile(r"\brf[a-z]?_[A-Za-z0-9_-]{16,}"), "***"),
)
_LONGEST_MESSAGE = 8_000  # characters


def _clean(text: str) -> str:
    for pattern, blot in _SECRETS:
        text = pattern.sub(blot, text)
    return text[:_LONGEST_MESSAGE]


class JsonLines(logging.Formatter):
    """One JSON object a line, ASCII only, so that nothing in it can act on a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        told: dict[str, Any] = {
            "time": rfc3339(int(record.created * 1_000_000_000)),
            "level": record.levelname.lower(),
            "source": record.name,
            "message": _clean(record.getMessage()),
        }
        told.update(getattr(record, "facts", {}))
        if record.exc_info and record.exc_info[1] is not None:
            told["error"] = _told(record.exc_info[1])
        return json.dumps({name: _clean(v) if isinstance(v, str) else v for name, v in told.items()}, default=str)


class TextLines(logging.Formatter):
    """For people: time, level, message and facts."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line; hidden characters are written out."""
        from ringfence.app.escape import log_line

        facts = " ".join(f"{name}={value}" for name, value in getattr(record, "facts", {}).items())
        when = rfc3339(int(record.created * 1_000_000_000))[:19]
        error = f" {_told(record.exc_info[1])}" if record.exc_info and record.exc_info[1] is not None else ""
        return log_line(_clean(f"{when} {record.levelname.lower()} {record.getMessage()} {facts}{error}".rstrip()))


def _told(error: BaseException) -> str:
    """Say where an error happened, without the values that a database's error carries along."""
    places = [
        f"{frame.filename.rpartition('/')[2]}:{frame.lineno}" for frame in traceback.extract_tb(error.__traceback__)
    ]
    own = getattr(error, "orig", None) or error
    return f"{type(error).__name__}: {own} at {' > '.join(places[-6:])}"


def log_to(stream: TextIO, options: LogOptions) -> None:
    """Send the log of this process to ``stream``, and nothing else's format with it."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonLines() if options.format == "json" else TextLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(options.level.upper())
    # Its lines hold the whole path, in which links for one use stand; ``Observed`` writes one without.
    logging.getLogger("uvicorn.access").disabled = True
    # What they tell below a warning holds addresses whole, with codes and tokens in their queries.
    for name in ("asyncio", "authlib", "httpcore", "httpx", "urllib3"):
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))


class Observer:
    """Counts and times requests, and knows who may read the figures; ``app.state.observer``.

    Args:
        platform: the installation that is watched.
        options: whether there are figures, and the token that scrapes from elsewhere need.
    """

    def __init__(self, platform: Platform, options: MetricsOptions | None = None) -> None:
        self.platform = platform
        self.options = options or MetricsOptions()
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "ringfence_requests", "Requests answered", ["method", "route", "status"], registry=self.registry
        )
        self.seconds = Histogram(
            "ringfence_request_seconds",
            "Time to answer",
            ["route"],
            buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
            registry=self.registry,
        )
        self.registry.register(_Store(platform))

    def may_read(self, request: Request) -> bool:
        """Return whether figures and details are for this request (Rule 3)."""
        given = request.headers.get("authorization", "")
        if self.options.token and given.startswith("Bearer "):
            return hmac.compare_digest(given[7:].encode("utf-8", "replace"), self.options.token.encode())
        if any(name in _PROXIED for name, _ in request.scope["headers"]):
            return False
        try:
            return request.client is not None and ip_address(request.client.host).is_loopback
        except ValueError:
            return False


router = APIRouter(include_in_schema=False)


@router.get("/healthz")
def healthz() -> dict[str, str]:
    """Say that the process answers."""
    return {"status": "ok"}


@router.get("/readyz")
def readyz(request: Request) -> Response:
    """Say whether the server can work: 200 or 503."""
    observer: Observer = request.app.state.observer
    ready, checks = readiness(observer.platform)
    told: dict[str, Any] = {"ready": ready}
    if observer.may_read(request):
        told["checks"] = checks
    return Response(json.dumps(told), 200 if ready else 503, {"Cache-Control": "no-store"}, "application/json")


@router.get("/metrics")
def metrics(request: Request) -> Response:
    """Answer with all figures, in Prometheus' text format."""
    observer: Observer = request.app.state.observer
    if not observer.options.enabled or not observer.may_read(request):
        # As if there were none: from elsewhere nobody learns more.
        raise RingfenceError("not-found", "GET /metrics")
    text = generate_latest(observer.registry)
    return Response(text, 200, {"Cache-Control": "no-store"}, "text/plain; version=0.0.4; charset=utf-8")


def readiness(platform: Platform) -> tuple[bool, dict[str, Any]]:
    """Return whether the server can work, and each check with what was found."""
    checks: dict[str, Any] = {"version": __version__}
    found_troubles = troubles(platform)
    full = any(each.code == "disk-full" for each in found_troubles)
    checks["disk"] = {"ok": not full, "free_bytes": room(platform), **({"code": "disk-full"} if full else {})}
    checks["processes"] = {each.name: asdict(each) | {"well": each.well} for each in platform.processes()}
    checks["troubles"] = [each.text for each in found_troubles]
    try:
        found = state.state(platform.database)
    except RingfenceError as error:
        checks["store"] = {"ok": False, "code": error.code.code}
        return False, checks
    checks["store"] = {"ok": True}
    checks["tables"] = {"ok": not found.pending, "revision": found.revision, "pending": list(found.pending)}
    checks["sensors"] = {
        name: {"age_seconds": (age := _age(platform, received)), "silent": age > _SILENT_SECONDS}
        for name, received in found.sensors
    }
    return not found.pending and not any(each.stops for each in found_troubles), checks


def _age(platform: Platform, then: int) -> float:
    return round(max(platform.clock() - then, 0) / 1e9, 1)


class _Store(Collector):
    """What the store knows, read at each scrape."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """Name nothing beforehand: registering must not read the store."""
        return iter(())

    def collect(self) -> Iterator[GaugeMetricFamily | CounterMetricFamily]:
        """Yield the figures; where the store does not answer, only that."""
        about = GaugeMetricFamily("ringfence_build", "Always 1", labels=["version", "knowledge"])
        about.add_metric([__version__, self._platform.knowledge.id], 1)
        yield about
        yield from self._processes()
        try:
            found = state.state(self._platform.database)
        except RingfenceError:
            yield GaugeMetricFamily("ringfence_store_up", "Whether the store answers", value=0)
            return
        yield GaugeMetricFamily("ringfence_store_up", "Whether the store answers", value=1)
        yield GaugeMetricFamily("ringfence_devices", "Devices known", value=found.devices)
        findings = GaugeMetricFamily("ringfence_findings_open", "Open findings", labels=["severity"])
        for severity, count in found.findings:
            findings.add_metric([severity], count)
        yield findings
        ages = GaugeMetricFamily("ringfence_sensor_age_seconds", "Since a sensor's last batch came", labels=["sensor"])
        packets = GaugeMetricFamily("ringfence_sensor_packets", "Packets of a sensor's batches", labels=["sensor"])
        for name, received in found.sensors:
            ages.add_metric([name], _age(self._platform, received))
        for name, count in found.packets:
            packets.add_metric([name], count)
        yield ages
        yield packets
        counts = CounterMetricFamily("ringfence_sensor_gaps", "Times nobody watched", labels=["sensor"])
        seconds = CounterMetricFamily("ringfence_sensor_gap_seconds", "Seconds nobody watched", labels=["sensor"])
        for name, count, nanoseconds in found.gaps:
            counts.add_metric([name], count)
            seconds.add_metric([name], nanoseconds / 1e9)
        yield counts
        yield seconds
        if found.erasures is None:
            return
        if found.erasures.checked is not None:
            age = _age(self._platform, found.erasures.checked)
            yield GaugeMetricFamily("ringfence_retention_age_seconds", "Since retention last ran", value=age)
        erased = GaugeMetricFamily(
            "ringfence_retention_erased", "Erased ever: rows; of the lake, days", labels=["kind"]
        )
        for kind, each in sorted(found.erasures.kinds.items()):
            erased.add_metric([kind], each.total)
        yield erased

    def _processes(self) -> Iterator[GaugeMetricFamily | CounterMetricFamily]:
        free = room(self._platform)
        if free is not None:
            yield GaugeMetricFamily("ringfence_disk_free_bytes", "Left where the data is", value=free)
        running = GaugeMetricFamily("ringfence_process_running", "Whether a process runs", labels=["process"])
        waiting = GaugeMetricFamily(
            "ringfence_process_waiting", "Whether a process waits, and for what", labels=["process", "code"]
        )
        starts = CounterMetricFamily("ringfence_process_starts", "Starts of a process", labels=["process"])
        failures = CounterMetricFamily("ringfence_process_failures", "Failures of a process", labels=["process"])
        for each in self._platform.processes():
            running.add_metric([each.name], each.running)
            starts.add_metric([each.name], each.starts)
            failures.add_metric([each.name], each.failures)
            if each.running and each.code in CODES:
                waiting.add_metric([each.name, each.code], 1)
        yield from (running, waiting, starts, failures)


class Observed:
    """ASGI: gives each request an id, times it, and writes one line when it is answered.

    Args:
        app: what answers.
        observer: where requests are counted.
        clock: seconds that only go forwards.
    """

    def __init__(self, app: ASGIApp, observer: Observer, clock: Callable[[], float] = time.perf_counter) -> None:
        self.app, self.observer, self.clock = app, observer, clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        identity = scope.setdefault("state", {}).setdefault("request_id", secrets.token_hex(8))
        status, begun = 500, self.clock()

        async def told(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, told)
        finally:
            self._written(scope, identity, status, self.clock() - begun)

    def _written(self, scope: Scope, identity: str, status: int, seconds: float) -> None:
        method = scope["method"] if scope["method"] in _METHODS else "other"
        route = getattr(scope.get("route"), "path", None) or "none"
        self.observer.requests.labels(method, route, str(status)).inc()
        self.observer.seconds.labels(route).observe(seconds)
        principal = scope.get("state", {}).get("principal")
        facts = {
            "request_id": identity,
            "method": method,
            "route": route,
            "status": status,
            "milliseconds": round(seconds * 1000, 2),
            "who": getattr(principal, "name", None),
        }
        level = logging.ERROR if status >= 500 else logging.INFO
        _log.log(level, "%s %s %s", method, route, status, extra={"facts": facts})
