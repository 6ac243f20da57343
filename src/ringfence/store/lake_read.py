"""Questions to the lake: flows of a device, a pair or a range; who sent most; how many.

Rule 1: files are opened in groups of at most 256 MiB (sealed), so that memory is bounded whatever the range; an answer
is bounded by its limit.
Rule 2: a file whose key was dropped is erased and left out; a damaged one raises.
Rule 3: ``parts`` is what the asker may see: a flow is shown where one of its ends is among them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import duckdb
from sqlalchemy import Connection

from ringfence.model.errors import RingfenceError
from ringfence.store.duck import calculator, parquet_files
from ringfence.store.lake import PURPOSE, Lake, LakeFile
from ringfence.store.sealed import unseal

__all__ = [
    "FlowFilter",
    "LakeFlow",
    "LakeTalker",
    "LakeTransaction",
    "count",
    "flows",
    "rolled_up",
    "top_talkers",
    "transactions",
    "unsealed",
]

_GROUP = 256 << 20  # bytes of sealed files that are open at once
_FILES = 256  # files that are open at once
_SMALL_GROUP = 32 << 20  # the same, where the newest rows are wanted and the first file often answers


@dataclass(frozen=True, slots=True)
class LakeFlow:
    """A flow as the core reported it; times in ns since 1970, part ids as in ``part``."""

    flow_id: int
    sensor: str
    epoch: str
    source: str
    destination: str
    source_address: str
    destination_address: str
    source_port: int
    destination_port: int
    transport: str
    protocol: str | None
    start: int
    end: int
    source_packets: int
    destination_packets: int
    source_bytes: int
    destination_bytes: int
    state: str
    rtt_us: int | None
    community_id: str | None
    flags: int


@dataclass(frozen=True, slots=True)
class LakeTransaction:
    """A message of a protocol: who did what to whom."""

    time: int
    flow_id: int
    protocol: str
    kind: str
    source: str
    destination: str | None
    operation: str
    object: str | None
    status: str | None
    length: int


@dataclass(frozen=True, slots=True)
class LakeTalker:
    """What a part sent and received in a range."""

    part: str
    bytes: int
    packets: int
    flows: int


@dataclass(frozen=True, slots=True)
class FlowFilter:
    """Which flows; all that is given must hold. ``first`` and ``last`` are ns since 1970, both included."""

    first: int
    last: int
    part: str | None = None  # one end
    peer: str | None = None  # the other end
    protocol: str | None = None
    port: int | None = None  # of the server
    parts: Collection[str] | None = None  # what the asker may see; None: all


_FLOW = (
    "flow_id, sensor, epoch, 'p-' || lower(hex(src_part)), 'p-' || lower(hex(dst_part)), src_address, dst_address, "
    'src_port, dst_port, transport, protocol, epoch_ns("start"), epoch_ns("end"), src_packets, dst_packets, src_bytes, '
    "dst_bytes, state, rtt_us, community_id, flags"
)
_TRANSACTION = (
    "epoch_ns(\"time\"), flow_id, protocol, kind, 'p-' || lower(hex(src_part)), "
    "CASE WHEN dst_part IS NULL THEN NULL ELSE 'p-' || lower(hex(dst_part)) END, operation, object, status, length"
)


def flows(
    lake: Lake, wanted: FlowFilter, *, limit: int = 1000, before: tuple[int, int] | None = None
) -> list[LakeFlow]:
    """Return flows, the newest start first; ``before`` is (start, flow id) of the last one of the page before."""
    look = _Look("flows.v1", _FLOW, 'epoch_ns("start")', *_conditions(wanted, "start", "end", "dst_port"))
    return [LakeFlow(*row[2:]) for row in _newest(lake, wanted, look, limit, before)]


def transactions(
    lake: Lake, wanted: FlowFilter, *, limit: int = 1000, before: tuple[int, int] | None = None
) -> list[LakeTransaction]:
    """Return transactions, the newest first; ``wanted.port`` plays no role."""
    look = _Look("transactions.v1", _TRANSACTION, 'epoch_ns("time")', *_conditions(wanted, "time", "time", None))
    return [LakeTransaction(*row[2:]) for row in _newest(lake, wanted, look, limit, before)]


def count(lake: Lake, wanted: FlowFilter) -> int:
    """Return how many flows there are."""
    where, values = _conditions(wanted, "start", "end", "dst_port")
    total = 0

    def choose(connection: Connection) -> list[LakeFile]:
        return lake.manifest(connection, "flows.v1", wanted.first, wanted.last)

    with calculator() as duck, closing(_groups(lake, choose)) as groups:
        _show(duck, wanted.parts)
        for _, paths in groups:
            query = f"SELECT count(*) FROM {_files(paths)} WHERE {where}"  # noqa: S608 Our own words; values are bound.
            total += duck.execute(query, values).fetchall()[0][0]
    return total


def top_talkers(
    lake: Lake, first: int, last: int, *, limit: int = 20, parts: Collection[str] | None = None
) -> list[LakeTalker]:
    """Return the parts that sent and received most bytes in flows that began in the range (ns, both ends included).

    A file that lies wholly in the range and has a roll-up (made by compaction) is answered from that.
    """

    def choose(connection: Connection) -> list[LakeFile]:
        rolled = {file.id: file for file in lake.manifest(connection, "talkers.v1", first, last)}
        wanted = lake.manifest(connection, "flows.v1", first, last)
        whole = {
            file.id for file in wanted if first <= file.first and file.last <= last and rolled_up(file.id) in rolled
        }
        return [rolled[rolled_up(file.id)] if file.id in whole else file for file in wanted]

    seen = "" if parts is None else "WHERE part IN (SELECT part FROM visible)"
    with calculator() as duck, closing(_groups(lake, choose)) as groups:
        _show(duck, parts)
        duck.execute("CREATE TABLE said (part BLOB, bytes HUGEINT, packets HUGEINT, flows HUGEINT)")
        for dataset, paths in groups:
            counted = "count(*)" if dataset == "flows.v1" else "sum(flows)"
            within = f'epoch_ns("start") BETWEEN {int(first)} AND {int(last)}' if dataset == "flows.v1" else "true"
            for end in ("src_part", "dst_part"):
                columns = f"{end}, sum(src_bytes + dst_bytes), sum(src_packets + dst_packets), {counted}"
                question = f"SELECT {columns} FROM {_files(paths)} WHERE {within} GROUP BY 1"  # noqa: S608 Our own words.
                duck.execute(f"INSERT INTO said {question}")
        rows = duck.execute(
            "SELECT 'p-' || lower(hex(part)), sum(bytes)::BIGINT AS total, sum(packets)::BIGINT, sum(flows)::BIGINT "  # noqa: S608 Our own words.
            f"FROM said {seen} GROUP BY part ORDER BY total DESC, part LIMIT ?",
            [limit],
        ).fetchall()
    return [LakeTalker(*row) for row in rows]


def rolled_up(flows_file: str) -> str:
    """Return the id of a file's roll-up."""
    return f"{flows_file}.talkers"


@dataclass(frozen=True, slots=True)
class _Look:
    """A question for the newest rows of a dataset."""

    dataset: str
    columns: str
    moment: str
    where: str
    values: list[Any]


def _newest(
    lake: Lake, wanted: FlowFilter, look: _Look, limit: int, before: tuple[int, int] | None
) -> list[tuple[Any, ...]]:
    """Rows, the newest first; each begins with (moment, flow id), by which it is sorted."""
    where, values = look.where, list(look.values)
    if before is not None:
        where += f" AND ({look.moment}, flow_id) < (?::BIGINT, ?::UBIGINT)"
        values += before
    found: list[tuple[Any, ...]] = []

    def choose(connection: Connection) -> list[LakeFile]:
        files = lake.manifest(
            connection, look.dataset, wanted.first, min(wanted.last, before[0] if before else wanted.last)
        )
        return sorted(files, key=lambda file: file.last, reverse=True)

    def enough(file: LakeFile) -> bool:
        """Whether nothing of this file, nor of those after it, belongs to the answer."""
        return len(found) >= limit and file.last < found[limit - 1][0]

    with calculator() as duck, closing(_groups(lake, choose, _SMALL_GROUP, enough)) as groups:
        _show(duck, wanted.parts)
        for _, paths in groups:
            query = (
                f"SELECT {look.moment} AS moment, flow_id, {look.columns} FROM {_files(paths)} WHERE {where} "  # noqa: S608 Our own words; values are bound.
                "ORDER BY moment DESC, flow_id DESC LIMIT ?"
            )
            found += duck.execute(query, [*values, limit]).fetchall()
            found = sorted(found, key=lambda row: (row[0], row[1]), reverse=True)[:limit]
    return found


def _conditions(wanted: FlowFilter, began: str, ended: str, port: str | None) -> tuple[str, list[Any]]:
    """The words after WHERE, and their values."""
    words = [f'epoch_ns("{ended}") >= ?', f'epoch_ns("{began}") <= ?']
    values: list[Any] = [wanted.first, wanted.last]
    ends = [_part_bytes(end) for end in (wanted.part, wanted.peer) if end is not None]
    if len(ends) == 2:
        words.append("((src_part = ? AND dst_part = ?) OR (dst_part = ? AND src_part = ?))")
        values += ends * 2
    elif ends:
        words.append("(src_part = ? OR dst_part = ?)")
        values += ends * 2
    if wanted.protocol is not None:
        words.append("protocol = ?")
        values.append(wanted.protocol)
    if wanted.port is not None and port is not None:
        words.append(f"{port} = ?")
        values.append(wanted.port)
    if wanted.parts is not None:
        words.append("(src_part IN (SELECT part FROM visible) OR dst_part IN (SELECT part FROM visible))")
    return " AND ".join(words), values


def _part_bytes(part: str) -> bytes:
    """The 16 bytes of a part's id; what is no id finds nothing."""
    try:
        return bytes.fromhex(part.removeprefix("p-"))
    except ValueError:
        return b""


def _show(duck: duckdb.DuckDBPyConnection, parts: Collection[str] | None) -> None:
    duck.execute("CREATE TABLE visible (part BLOB)")
    if parts:
        duck.execute("INSERT INTO visible SELECT unnest(?::BLOB[])", [[_part_bytes(part) for part in parts]])


def _files(paths: Sequence[str]) -> str:
    """Paths that this package made: descriptors of this process."""
    return "read_parquet([{}], union_by_name = true)".format(", ".join(f"'{path}'" for path in paths))


def _groups(
    lake: Lake,
    choose: Callable[[Connection], list[LakeFile]],
    size: int = _GROUP,
    enough: Callable[[LakeFile], bool] = lambda _: False,
) -> Generator[tuple[str, list[str]]]:
    """Yield (dataset, paths) of files that are open until the next is asked for, in the order chosen."""
    with lake.kept():
        with lake.database.reading() as connection:
            keys = lake.keys.find_all(connection, PURPOSE)
            files = [file for file in choose(connection) if file.period in keys]
        files.sort(key=lambda file: file.dataset)  # Stable: within a dataset the order stays.
        start = 0
        while start < len(files) and not enough(files[start]):
            end, held = start + 1, files[start].bytes
            while end < len(files) and files[end].dataset == files[start].dataset and end - start < _FILES:
                held += files[end].bytes
                if held > size:
                    break
                end += 1
            group = files[start:end]
            with parquet_files(unsealed(lake, file, keys[file.period]) for file in group) as paths:
                yield group[0].dataset, paths
            start = end


def unsealed(lake: Lake, file: LakeFile, key: bytes) -> Iterator[bytes]:
    """Yield the bytes of a file's Parquet.

    Raises:
        RingfenceError: ``sealed-damaged`` where it isn't what was written, or is gone.
    """
    try:
        with (lake.folder / file.path).open("rb") as opened:
            yield from unseal(opened, key, file.id)
    except FileNotFoundError as error:
        raise RingfenceError("sealed-damaged", file.path, "the manifest names it, but it is gone") from error
