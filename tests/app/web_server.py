"""Installations for the tests of the screens: filled through the store's writers, served by the application."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import uvicorn
from tests.app.plant import nasty_plant, nasty_texts, plant

from ringfence.app.access import sessions
from ringfence.app.analysis import Analysis
from ringfence.app.daemons.children import ChildState
from ringfence.app.pipeline import PipelineOptions, run
from ringfence.app.platform import Platform
from ringfence.app.server import create_app
from ringfence.inventory.knowledge.loader import builtin
from ringfence.model.observation import Observation
from ringfence.model.scope import EVERYWHERE
from ringfence.store import people, places, views
from ringfence.store.database import Database
from ringfence.store.findings import handle, save_findings
from ringfence.store.inventory import save_devices
from ringfence.store.migrate import upgrade
from ringfence.store.notes import annotate
from ringfence.store.observations import save_observations
from ringfence.store.traffic import save_conversations, save_quality
from ringfence.store.unit import Inputs, UnitOfWork

ROOT = Path(__file__).resolve().parents[2]
DEMO = sorted((ROOT / "vectors" / "demo").glob("*.pcap"))
SECRET = b"a secret for tests, of 32 bytes."


@dataclass
class Served:
    """A running server with a session for each of some people."""

    origin: str
    database: Database
    cookie_name: str
    cookies: dict[str, str]  # log-in name to cookie
    analysis: Analysis | None
    app: Any

    def device(self, name: str) -> str:
        """Return the id of a device."""
        assert self.analysis is not None
        return next(each.id for each in self.analysis.devices if each.name == name)


def store(database: Database, whole: Analysis, observations: tuple[Observation, ...] = ()) -> None:
    """Write an analysis into the store as a sensor's batch."""
    inputs = Inputs([each.digest for each in whole.capture.inputs])
    with UnitOfWork(database, time.time_ns(), inputs) as unit:
        last = whole.capture.last or 0
        batch = sha256(b"".join(each.digest.encode() for each in whole.capture.inputs)).hexdigest()
        assert unit.take(batch, "hall-1", "epoch", last, whole.capture.packets, unit.now)
        save_observations(unit, "hall-1", observations)
        save_conversations(unit, whole.conversations)
        save_devices(unit, whole.devices)
        save_findings(unit, whole.findings)
        save_quality(unit, "hall-1", whole.capture.quality)


def demo(database: Database) -> Analysis:
    """Fill with what the demo's captures hold, by a real run of the core."""
    done = run(DEMO, builtin(), PipelineOptions())
    store(database, done.analysis, tuple(done.capture.observations))
    return done.analysis


def made(database: Database) -> Analysis:
    """Fill with the made plant, in zones."""
    whole = plant()
    store(database, whole)
    with UnitOfWork(database, time.time_ns()) as unit:
        hall = places.make_site(unit, "ada", "Hall 1")
        zones = {
            1: places.make_zone(unit, "ada", EVERYWHERE, hall, "Cell 3", purdue_level=1),
            2: places.make_zone(unit, "ada", EVERYWHERE, hall, "Supervision", purdue_level=2),
            4: places.make_zone(unit, "ada", EVERYWHERE, hall, "Office", purdue_level=4),
        }
    with UnitOfWork(database, time.time_ns()) as unit:
        for number, each in enumerate(whole.devices):
            level = each.purdue_level
            if level is None or number % 7 == 6:
                continue
            said = {
                "zone": zones[1 if level < 2 else 2 if level < 4 else 4],
                "owner": ("Maintenance", "J. Park", None)[number % 3],
                "criticality": ("high", None, "low", "critical")[number % 4],
                "safety": (None, True, False)[number % 3],
            }
            annotate(unit, each.id, EVERYWHERE, "ada", 1, said)
    return whole


def nasty(database: Database) -> Analysis:
    """Fill every place that the wire or a person can write to with nasty texts."""
    whole, texts = nasty_plant(), [text for text in nasty_texts() if text.strip()]
    for each in whole.devices:  # Names of clues are ours, never the wire's.
        each.claims = tuple(replace(claim, clue="nasty") for claim in each.claims)
    store(database, whole)
    with UnitOfWork(database, time.time_ns()) as unit:
        for number, text in enumerate(texts[:40]):
            place = places.make_site(unit, text, f"{text[:60]} {number}", note=text)
            zone = places.make_zone(unit, text, EVERYWHERE, place, text[:80] + "z", note=text)
            said = {"zone": zone, "owner": text[:200], "note": text, "labels": [text.strip()[:60]]}
            annotate(unit, whole.devices[number].id, EVERYWHERE, text, 1, said)
            handle(unit, whole.findings[number].id, text, 1, assignee=text[:100], note=text)
            if number < 20:
                views.save(unit.connection, "p-ada", text[:60], "devices", "q=" + text[:40], shared=True)
    return whole


def nothing(_: Database) -> None:
    """Fill with nothing."""


@contextmanager
def serving(
    folder: Path,
    fill: Callable[[Database], Analysis | None],
    processes: Callable[[], tuple[ChildState, ...]] = tuple,
    clock: Callable[[], int] = time.time_ns,
) -> Iterator[Served]:
    """Serve an installation on a free port of the loopback; ``processes``: how those are that it would have started."""
    database = Database(f"sqlite:///{folder / 'store.db'}")
    upgrade(database)
    analysis = fill(database)
    listener = socket.create_server(("127.0.0.1", 0))
    origin = f"http://127.0.0.1:{listener.getsockname()[1]}"
    platform = Platform(database, folder, SECRET, builtin(), (origin,), clock=clock, processes=processes)
    app = create_app(platform)
    cookies = {}
    with database.writing() as connection:
        for name, role in (("ada", "admin"), ("vic", "viewer"), ("eve", "approver")):
            people.add(connection, f"p-{name}", name, f"{name.title()} Example", clock())
            people.set_grants(connection, f"p-{name}", [(role, "*")])
            person = people.by_id(connection, f"p-{name}")
            assert person is not None
            cookies[name] = sessions.begin(app.state.access, connection, person, "password", "a test")
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.02)
    yield Served(origin, database, sessions.cookie_name(app.state.access), cookies, analysis, app)
    server.should_exit = True
    thread.join(10)
    database.close()
