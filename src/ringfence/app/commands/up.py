"""``ringfence up``: the platform in one command: store, sensor, API and screens."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from ringfence import __version__
from ringfence.app.access.access import Access, AccessOptions
from ringfence.app.access.anchors import Anchors, Keeper
from ringfence.app.access.people import first_link
from ringfence.app.config import Configuration, load
from ringfence.app.daemons.children import Child
from ringfence.app.daemons.serve import Door, fingerprint, serve
from ringfence.app.daemons.upkeep import Caretaker
from ringfence.app.installation import Installation
from ringfence.app.observe import log_to
from ringfence.app.platform import Platform
from ringfence.model.errors import RingfenceError

__all__ = ["up"]


def up(arguments: argparse.Namespace) -> int:
    """Run until it is told to stop, and return the exit code."""
    configuration = _configuration(arguments)
    for path in arguments.replay:
        if path != "-" and not Path(path).is_file():
            raise RingfenceError("input-not-found", path, "There is no such file.")
    installation = _opened(configuration)
    door = Door.open(
        configuration.server.listen,
        _path(configuration.server.tls_certificate),
        _path(configuration.server.tls_key),
        installation.folder,
    )
    log_to(sys.stderr, configuration.log)
    sensor = _sensor(configuration, arguments, installation)
    platform = Platform.served(
        installation,
        door.origins(configuration.server.origins),
        secure=door.secure,
        processes=lambda: () if sensor is None else (sensor.state,),
    )
    from ringfence.app.server import create_app

    anchors = Anchors(configuration.audit.anchor_files, configuration.audit.anchor_syslogs)
    app = create_app(platform, AccessOptions(anchors=anchors), configuration.metrics)
    keeper = Keeper(platform, anchors, configuration.audit.anchor_minutes, _tell)
    _greet(app.state.access, door)
    # What writes the lake keeps it up: the sensor where there is one, else this process.
    worker = sensor or Caretaker(installation, _tell)
    worker.start()
    keeper.start()
    try:
        serve(app, door, app.state.streams.end)
    finally:
        keeper.stop()
        worker.stop()
        installation.database.close()
    return 0


def _configuration(arguments: argparse.Namespace) -> Configuration:
    flags = {
        "server.listen": arguments.listen,
        "store.folder": arguments.data,
        "store.database": arguments.database,
        "sensor.interfaces": arguments.interface or None,
    }
    return load(_path(arguments.config), flags=flags)


def _opened(configuration: Configuration) -> Installation:
    from ringfence.store.backup import Place
    from ringfence.store.revocation import enforce
    from ringfence.store.upgrading import upgraded

    folder = configuration.store.place
    installation = Installation.open(folder, configuration.store.url)
    upgraded(Place(installation.database, folder, installation.clock, __version__))
    enforce(installation.database, folder, installation.clock())
    return installation


def _sensor(configuration: Configuration, arguments: argparse.Namespace, installation: Installation) -> Child | None:
    sources: list[str] = []
    for path in arguments.replay:
        sources += ["--replay", str(Path(path).resolve())]
    for interface in () if arguments.replay else configuration.sensor.interfaces:
        sources += ["--interface", interface]
    if not sources:
        return None
    words = ["--data", str(installation.folder), *sources]
    ring = configuration.ring
    words += ["--every", str(configuration.sensor.every)]
    words += ["--ring-megabytes", str(ring.megabytes), "--ring-hours", str(ring.hours)]
    if arguments.speed:
        words += ["--speed", str(arguments.speed)]
    # The URL may hold a password, and arguments can be read by everybody on the machine.
    environment = {"RINGFENCE_STORE_DATABASE": installation.url}
    return Child("sensor", "ringfence.app.daemons.sensor", words, _tell, environment)


def _greet(access: Access, door: Door) -> None:
    link = first_link(access)
    lines = [f"Ringfence is at {door.url}"]
    if door.certificate is not None:
        lines.append(f"  its certificate has the SHA-256 fingerprint {fingerprint(door.certificate)}")
    if link:
        lines.append(f"  nobody can log in yet; make the first administrator here, once, within an hour:\n  {link}")
    print("\n".join(lines), flush=True)  # noqa: T201 The link goes to the terminal and nowhere else.


def _tell(sentence: str) -> None:
    print(f"ringfence: {sentence}", file=sys.stderr, flush=True)  # noqa: T201 The command line speaks on standard error.


def _path(text: str | None) -> Path | None:
    return Path(text) if text else None
