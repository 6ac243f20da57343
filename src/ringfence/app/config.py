"""Configuration: TOML file, then ``RINGFENCE_*`` of the environment, then flags; each value remembers where it is from.

Rule 1: a key that is not declared here is an error that says which one was meant; nothing is ignored silently.
Rule 2: a secret never stands in the file: it comes from a file of its own (``KEY_file``), the environment, or a systemd
credential (``ringfence.SECTION.KEY`` in ``$CREDENTIALS_DIRECTORY``), and is never shown.
Rule 3: the keys' meaning is a field of their declaration; docs/reference/configuration.md is made from it.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, dataclass, field, fields, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints
from urllib.parse import quote

from ringfence.model.errors import RingfenceError

__all__ = [
    "SECTIONS",
    "AuditOptions",
    "Configuration",
    "Key",
    "LogOptions",
    "MetricsOptions",
    "RingOptions",
    "SensorOptions",
    "ServerOptions",
    "StoreOptions",
    "default_folder",
    "default_url",
    "keys",
    "load",
]

_LARGEST_FILE = 1_000_000  # bytes of a configuration file
_LARGEST_SECRET = 64_000  # bytes of a file that holds one secret

_PASSWORD = re.compile(r"^(\w[\w+.-]*://[^/:@]*):.*@", re.DOTALL)

#: Variables of the environment that other parts read; they are no keys.
_ELSEWHERE = frozenset(
    "RINGFENCE_CONFIG RINGFENCE_KNOWLEDGE RINGFENCE_SERVER RINGFENCE_TOKEN RINGFENCE_TOKEN_FILE "
    "RINGFENCE_CAPTURES RINGFENCE_TRACEBACK RINGFENCE_CORPUS RINGFENCE_SCREENSHOTS RINGFENCE_SOAK".split()
)


def _key(
    default: Any,
    doc: str,
    *,
    secret: bool = False,
    shown: bool = True,
    least: int | None = None,
    words: tuple[str, ...] = (),
) -> Any:
    told = {"doc": doc, "secret": secret, "least": least, "words": words}
    return field(default=default, metadata=told, repr=shown and not secret)


def default_folder() -> Path:
    """Return the data folder where none is chosen: ``ringfence`` in the user's data folder."""
    home = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return Path(home) / "ringfence"


def default_url(folder: Path) -> str:
    """Return the URL of the database where none is chosen: SQLite in the data folder."""
    return f"sqlite:///{folder.resolve() / 'ringfence.db'}"


@dataclass(frozen=True, slots=True)
class ServerOptions:
    """How API and screens are reached."""

    listen: str = _key("127.0.0.1:8470", "Address and port to listen on. Anything but loopback needs TLS.")
    origins: tuple[str, ...] = _key(
        (), "What browsers may call the server, such as `https://ringfence.example.com`; empty: what it listens on."
    )
    tls_certificate: str | None = _key(None, "PEM file with the server's certificate and its chain.")
    tls_key: str | None = _key(None, "PEM file with the key of that certificate, readable by the server's user only.")


@dataclass(frozen=True, slots=True)
class StoreOptions:
    """Where things are kept."""

    folder: str | None = _key(None, "Data folder; not set: `ringfence` in the user's data folder.")
    database: str | None = _key(
        None,
        "`sqlite:///PATH` or `postgresql://USER@HOST/NAME`, without a password; not set: SQLite in the folder.",
        shown=False,
    )
    password: str | None = _key(None, "The database's password.", secret=True)

    @property
    def place(self) -> Path:
        """The data folder."""
        return Path(self.folder) if self.folder else default_folder()

    @property
    def url(self) -> str:
        """The database's URL with its password: what every process and command opens, and nobody shows."""
        return self.database or default_url(self.place)


@dataclass(frozen=True, slots=True)
class SensorOptions:
    """What is watched."""

    interfaces: tuple[str, ...] = _key((), "Network interfaces that see mirrored traffic.")
    every: int = _key(10, "Seconds of capture time after which a live read hands over what has come.", least=1)


@dataclass(frozen=True, slots=True)
class RingOptions:
    """The packet ring; off by default."""

    megabytes: int = _key(0, "The most that packets may take on disk, in MB of 1,000,000 bytes; 0: no ring.", least=0)
    hours: int = _key(24, "The longest that packets are kept, unless a finding keeps them.", least=1)


@dataclass(frozen=True, slots=True)
class LogOptions:
    """What the server says of itself."""

    level: str = _key("info", "The least grave that is written.", words=("debug", "info", "warning", "error"))
    format: str = _key("json", "`json`: one object a line; `text`: for people.", words=("json", "text"))


@dataclass(frozen=True, slots=True)
class MetricsOptions:
    """Figures for Prometheus at `/metrics`."""

    enabled: bool = _key(True, "Whether there is a `/metrics`.")
    token: str | None = _key(
        None, "Bearer token for scrapes from elsewhere; not set: only from the same machine.", secret=True
    )


@dataclass(frozen=True, slots=True)
class AuditOptions:
    """Where checkpoints of the audit log are kept besides the database."""

    anchor_files: tuple[str, ...] = _key((), "Files to which each checkpoint is added, best on another host's share.")
    anchor_syslogs: tuple[str, ...] = _key(
        (), "Syslogs to which each is sent: `tls://HOST:PORT`, `tcp://HOST:PORT` or `udp://HOST:PORT`."
    )
    anchor_minutes: int = _key(60, "How often the end of the log is signed, where there is something new.", least=1)


SECTIONS: dict[str, type[Any]] = {
    "server": ServerOptions,
    "store": StoreOptions,
    "sensor": SensorOptions,
    "ring": RingOptions,
    "log": LogOptions,
    "metrics": MetricsOptions,
    "audit": AuditOptions,
}


@dataclass(frozen=True, slots=True)
class Key:
    """A declared key."""

    section: str
    name: str
    kind: Any
    default: Any
    doc: str
    secret: bool
    least: int | None
    words: tuple[str, ...]

    @property
    def path(self) -> str:
        """As in the file: ``server.listen``."""
        return f"{self.section}.{self.name}"

    @property
    def variable(self) -> str:
        """As in the environment: ``RINGFENCE_SERVER_LISTEN``."""
        return f"RINGFENCE_{self.section}_{self.name}".upper()

    @property
    def type_words(self) -> str:
        """The type for people."""
        if self.words:
            return " or ".join(f"`{word}`" for word in self.words)
        return {bool: "true or false", int: "whole number", str: "text"}.get(_plain(self.kind), "list of texts")


@dataclass(frozen=True, slots=True)
class Configuration:
    """Every section, and for each key where its value is from (``origins``: ``server.listen`` → ``default``)."""

    server: ServerOptions
    store: StoreOptions
    sensor: SensorOptions
    ring: RingOptions
    log: LogOptions
    metrics: MetricsOptions
    audit: AuditOptions
    origins: Mapping[str, str]

    def rows(self) -> Iterator[tuple[Key, Any, str]]:
        """Yield every key with its value and origin; a secret's value is ``set`` or None, never itself."""
        for key in keys():
            value = getattr(getattr(self, key.section), key.name)
            if key.secret and value is not None:
                value = "set"
            elif key.path == "store.database" and value:
                value = re.sub(r"password=[^&]*", "password=***", _PASSWORD.sub(r"\1:***@", value))
            yield key, value, self.origins[key.path]


def keys() -> tuple[Key, ...]:
    """Return every key, in the order of the reference."""
    found = []
    for section, options in SECTIONS.items():
        hints = get_type_hints(options)
        for each in fields(options):
            assert each.default is not MISSING  # noqa: S101 A key without a default would make every file incomplete.
            found.append(Key(section, each.name, hints[each.name], each.default, **each.metadata))
    return tuple(found)


def load(
    path: Path | None = None,
    environment: Mapping[str, str] | None = None,
    flags: Mapping[str, Any] | None = None,
) -> Configuration:
    """Read the configuration.

    Args:
        path: the TOML file; None: the one that ``RINGFENCE_CONFIG`` names, or none.
        environment: by default that of the process.
        flags: values of the command line by key, such as ``{"server.listen": "127.0.0.1:9000"}``; None is not given.

    Raises:
        RingfenceError: ``config-unreadable``, ``config-key``, ``config-value``, ``config-secret``.
    """
    environment = os.environ if environment is None else environment
    if path is None and environment.get("RINGFENCE_CONFIG"):
        path = Path(environment["RINGFENCE_CONFIG"])
    known = {key.path: key for key in keys()}
    values: dict[str, Any] = {name: key.default for name, key in known.items()}
    origins = dict.fromkeys(known, "default")
    for found in (
        _credentials(known, environment),
        _file(path, known) if path else (),
        _environment(known, environment),
        _flags(known, flags or {}),
    ):
        for name, value, origin in found:
            values[name], origins[name] = value, origin
    return _handed_out(values, origins)


def _handed_out(values: Mapping[str, Any], origins: Mapping[str, str]) -> Configuration:
    rooms = {
        section: options(**{each.name: values[f"{section}.{each.name}"] for each in fields(options)})
        for section, options in SECTIONS.items()
    }
    made = Configuration(**rooms, origins=origins)
    _together(made)
    if made.store.password:
        return replace(made, store=replace(made.store, database=_with_password(made.store)))
    return made


def _with_password(store: StoreOptions) -> str:
    """Return the database's URL with its password, as the store takes it."""
    if store.database is None:
        raise RingfenceError("config-value", "store.password", "There is no store.database that it is the password of.")
    scheme, _, rest = store.database.partition("://")
    user, at, place = rest.rpartition("@")
    if not at or ":" in user:
        raise RingfenceError("config-value", "store.password", "The database's URL names no user, or a password too.")
    return f"{scheme}://{user}:{quote(str(store.password), safe='')}@{place}"


def _together(made: Configuration) -> None:
    """Check what only several keys say together."""
    host, _, port = made.server.listen.rpartition(":")
    if not host or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise RingfenceError("config-value", "server.listen", "It is not ADDRESS:PORT.")
    if (made.server.tls_certificate is None) != (made.server.tls_key is None):
        raise RingfenceError("config-value", "server.tls_key", "Certificate and key are given together or not at all.")
    url = made.store.database or ""
    user = url.partition("://")[2].partition("/")[0].rpartition("@")[0]
    if (":" in user or "password=" in url) and made.origins["store.database"] != "environment RINGFENCE_STORE_DATABASE":
        raise RingfenceError("config-secret", "store.database", "It holds a password.")


def _file(path: Path, known: Mapping[str, Key]) -> Iterator[tuple[str, Any, str]]:
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST_FILE + 1)
        if len(data) > _LARGEST_FILE:
            raise RingfenceError("config-unreadable", str(path), f"It is larger than {_LARGEST_FILE:,} bytes.")
        tables = tomllib.loads(data.decode("utf-8"))
    except OSError as error:
        raise RingfenceError("config-unreadable", str(path), f"{error.strerror}.") from error
    except (ValueError, RecursionError) as error:  # TOMLDecodeError and UnicodeDecodeError are ValueErrors.
        raise RingfenceError("config-unreadable", str(path), f"It is no TOML: {error}.") from error
    for section, table in tables.items():
        if section not in SECTIONS:
            raise _unknown(section, SECTIONS, str(path))
        if not isinstance(table, dict):
            raise RingfenceError("config-value", section, f"In {path}: it is a section, [{section}].")
        for name, value in table.items():
            yield _from_file(path, f"{section}.{name}", value, known)


def _from_file(path: Path, name: str, value: Any, known: Mapping[str, Key]) -> tuple[str, Any, str]:
    origin = f"file {path}"
    bare = name.removesuffix("_file")
    if name not in known and bare in known and known[bare].secret:
        if not isinstance(value, str):
            raise RingfenceError("config-value", name, f"In {path}: it is a path.")
        return bare, _secret(Path(value)), f"{origin}, {name}"
    if name not in known:
        allowed = [f"{each}_file" if known[each].secret else each for each in known]
        raise _unknown(name, allowed, str(path))
    if known[name].secret:
        raise RingfenceError("config-secret", name, f"In {path}: name a file in {name}_file instead.")
    return name, _checked(known[name], value, origin), origin


def _environment(known: Mapping[str, Key], environment: Mapping[str, str]) -> Iterator[tuple[str, Any, str]]:
    variables = {key.variable: key for key in known.values()}
    files = {f"{key.variable}_FILE": key for key in known.values() if key.secret}
    for name in sorted(environment):
        if not name.startswith("RINGFENCE_") or name in _ELSEWHERE:
            continue
        origin = f"environment {name}"
        if name in files:
            yield files[name].path, _secret(Path(environment[name])), origin
        elif name in variables:
            key = variables[name]
            yield key.path, _checked(key, _from_text(key, environment[name], origin), origin), origin
        elif get_close_matches(name, [*variables, *files], 1, 0.8) or name.startswith(
            tuple(f"RINGFENCE_{section}_".upper() for section in SECTIONS)
        ):
            # Other variables may be for other programs; what nearly is one of ours was meant for us.
            raise _unknown(name, [*variables, *files], "the environment")


def _flags(known: Mapping[str, Key], flags: Mapping[str, Any]) -> Iterator[tuple[str, Any, str]]:
    for name, value in flags.items():
        if value is None:
            continue
        if name not in known:
            raise _unknown(name, known, "the command line")
        if known[name].secret:
            raise RingfenceError("config-secret", name, "Other users of the machine can read the command line.")
        yield name, _checked(known[name], value, "flag"), "flag"


def _credentials(known: Mapping[str, Key], environment: Mapping[str, str]) -> Iterator[tuple[str, Any, str]]:
    folder = environment.get("CREDENTIALS_DIRECTORY")
    for key in known.values() if folder else ():
        path = Path(str(folder)) / f"ringfence.{key.path}"
        if key.secret and path.is_file():
            yield key.path, _secret(path), f"credential ringfence.{key.path}"


def _secret(path: Path) -> str:
    try:
        with path.open("rb") as file:
            text = file.read(_LARGEST_SECRET).decode("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise RingfenceError("config-unreadable", str(path), f"The secret in it can't be read: {why}.") from error
    if not text:
        raise RingfenceError("config-unreadable", str(path), "There is no secret in it.")
    return text


def _from_text(key: Key, text: str, origin: str) -> Any:
    kind = _plain(key.kind)
    if kind is bool:
        if text.casefold() not in ("true", "false", "1", "0", "yes", "no", "on", "off"):
            raise RingfenceError("config-value", key.path, f"From {origin}: it is true or false.")
        return text.casefold() in ("true", "1", "yes", "on")
    if kind is int:
        try:
            return int(text)
        except ValueError as error:
            raise RingfenceError("config-value", key.path, f"From {origin}: it is a whole number.") from error
    if kind is tuple:
        return [each.strip() for each in text.split(",") if each.strip()]
    return text


def _checked(key: Key, value: Any, origin: str) -> Any:
    kind = _plain(key.kind)
    if kind is tuple:
        if not isinstance(value, list | tuple) or not all(isinstance(each, str) for each in value):
            raise RingfenceError("config-value", key.path, f"From {origin}: it is a list of texts.")
        return tuple(value)
    if type(value) is not kind:
        raise RingfenceError("config-value", key.path, f"From {origin}: it is {key.type_words}.")
    if key.least is not None and value < key.least:
        raise RingfenceError("config-value", key.path, f"From {origin}: it is {key.least} or more.")
    if key.words and value not in key.words:
        close = get_close_matches(value, key.words, 1)
        meant = f" Did you mean {close[0]}?" if close else f" It is {', '.join(key.words)}."
        raise RingfenceError("config-value", key.path, f"From {origin}: {value!r} is not known.{meant}")
    return value


def _plain(kind: Any) -> Any:
    """Return ``str`` for ``str | None`` and ``tuple`` for ``tuple[str, ...]``."""
    if get_origin(kind) is tuple:
        return tuple
    return next((each for each in get_args(kind) if each is not type(None)), kind)


def _unknown(name: str, allowed: Mapping[str, Any] | list[str], where: str) -> RingfenceError:
    names = list(allowed)
    close = get_close_matches(name, names, 1, 0.5)
    if not close and "." in name:
        # The right word in the wrong section.
        word = name.partition(".")[2]
        close = [each for each in names if each.partition(".")[2] == word][:1]
    meant = f" Did you mean {close[0]}?" if close else ""
    return RingfenceError("config-key", name, f"There is no such key (in {where}).{meant}")
