"""The lake: what is acknowledged is there once, whole, encrypted, and answers questions while it is written."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import duckdb
import pytest
from sqlalchemy import func, select
from tests.store.lake_rows import DAY, MORNING, SECOND, flow, flow_table, part

from ringfence.model.errors import RingfenceError
from ringfence.store.database import Database
from ringfence.store.keys import Keys
from ringfence.store.lake import PURPOSE, Lake
from ringfence.store.lake_compact import compact
from ringfence.store.lake_read import FlowFilter, count, flows, top_talkers, transactions
from ringfence.store.schema.traffic import lake_file
from ringfence.store.upkeep import Upkeep

ALWAYS = FlowFilter(0, 2**62)


@pytest.fixture
def lake(database: Database, tmp_path: Path) -> Lake:
    now = MORNING + DAY // 2
    return Lake(database, tmp_path, Keys(bytes(32), lambda: now), lambda: now)


def store(lake: Lake, batch: str, *rows: dict[str, object]) -> int:
    with lake.database.writing() as connection:
        return lake.write(connection, batch, "flows.v1", flow_table(rows))


def files(lake: Lake) -> list[Path]:
    return sorted(path for path in lake.folder.rglob("*.sealed"))


def test_a_flow_is_read_back_as_it_was(lake: Lake) -> None:
    store(lake, "b1", flow(2**63 + 5, MORNING + 17, protocol=None, rtt_us=None, src_bytes=2**40))
    (row,) = flows(lake, ALWAYS)
    assert (row.flow_id, row.start, row.end) == (2**63 + 5, MORNING + 17, MORNING + 17 + SECOND)
    assert (row.source, row.destination) == (part(1), part(2))
    assert (row.protocol, row.rtt_us, row.source_bytes, row.destination_port) == (None, None, 2**40, 502)


def test_nothing_readable_is_on_the_disk(lake: Lake) -> None:
    store(
        lake, "b1", *(flow(number, MORNING, src_address="10.99.88.77", community_id="1:seen") for number in range(50))
    )
    (path,) = files(lake)
    data = path.read_bytes()
    assert not any(word in data for word in (b"PAR1", b"10.99.88.77", b"1:seen", b"modbus", b"src_part"))
    assert path.stat().st_mode & 0o077 == 0
    assert path.parent.parent.parent.stat().st_mode & 0o077 == 0


def test_a_batch_stored_twice_changes_nothing(lake: Lake) -> None:
    assert store(lake, "b1", flow(1, MORNING)) == 1
    assert store(lake, "b1", flow(1, MORNING)) == 0
    assert count(lake, ALWAYS) == 1
    assert len(files(lake)) == 1


def test_a_transaction_that_fails_leaves_nothing_visible(lake: Lake) -> None:
    with pytest.raises(ZeroDivisionError), lake.database.writing() as connection:
        lake.write(connection, "b1", "flows.v1", flow_table([flow(1, MORNING)]))
        raise ZeroDivisionError
    assert count(lake, ALWAYS) == 0
    assert len(files(lake)) == 1, "an orphan, which the sweep takes away"
    assert lake.sweep() == 1
    assert not files(lake)
    store(lake, "b1", flow(1, MORNING))
    assert lake.sweep() == 0
    assert count(lake, ALWAYS) == 1


def test_an_empty_batch_writes_nothing(lake: Lake) -> None:
    assert store(lake, "b1") == 0
    assert not files(lake)


def test_a_batch_over_midnight_is_a_file_for_each_day(lake: Lake) -> None:
    assert store(lake, "b1", flow(1, MORNING - 1), flow(2, MORNING), flow(3, 5)) == 3
    with lake.database.reading() as connection:
        rows = lake.manifest(connection, "flows.v1")
    assert [(row.period, row.rows, row.first) for row in rows] == [
        ("1970-01-01", 1, 5),
        ("2026-11-26", 1, MORNING - 1),
        ("2026-11-27", 1, MORNING),
    ]
    assert all(row.bytes == (lake.folder / row.path).stat().st_size for row in rows)


@pytest.mark.parametrize("name", ["../b", "", "a/b", "b\n", "x" * 200])
def test_a_batch_of_another_name_is_refused(lake: Lake, name: str) -> None:
    with pytest.raises(RingfenceError), lake.database.writing() as connection:
        lake.write(connection, name, "flows.v1", flow_table([flow(1, MORNING)]))


def test_questions_are_answered(lake: Lake) -> None:
    for batch in range(4):
        start = MORNING + batch * 300 * SECOND
        store(
            lake,
            f"b{batch}",
            flow(batch * 10 + 1, start, 1, 2),
            flow(batch * 10 + 2, start + 1, 2, 1, protocol="http", dst_port=80),
            flow(batch * 10 + 3, start + 2, 3, 4, src_bytes=10_000),
        )

    def ids(**wanted: object) -> list[int]:
        return [row.flow_id for row in flows(lake, FlowFilter(**({"first": 0, "last": 2**62} | wanted)))]  # type: ignore[arg-type]  # Made of the test's words.

    assert ids() == [33, 32, 31, 23, 22, 21, 13, 12, 11, 3, 2, 1]
    assert ids(part=part(3)) == ids(part=part(4)) == [33, 23, 13, 3]
    assert ids(part=part(1), peer=part(2)) == [32, 31, 22, 21, 12, 11, 2, 1]
    assert ids(part=part(1), peer=part(3)) == ids(part="nonsense") == ids(part="p-00") == []
    assert ids(protocol="http") == ids(port=80) == [32, 22, 12, 2]
    assert ids(protocol="http' OR 1=1 --") == []
    assert ids(first=MORNING + 301 * SECOND + 3, last=MORNING + 600 * SECOND) == [21]
    assert ids(parts=[part(3)]) == [33, 23, 13, 3]
    assert ids(parts=[]) == []
    assert count(lake, ALWAYS) == 12
    assert count(lake, FlowFilter(0, 2**62, protocol="http", parts=[part(2)])) == 4


def test_pages_follow_one_another_without_gap_or_repetition(lake: Lake) -> None:
    for batch in range(5):
        store(lake, f"b{batch}", *(flow(batch * 7 + number, MORNING + batch) for number in range(7)))
    seen: list[int] = []
    before = None
    while page := flows(lake, ALWAYS, limit=4, before=before):
        seen += [row.flow_id for row in page]
        before = (page[-1].start, page[-1].flow_id)
    assert seen == list(reversed(range(35)))


def test_top_talkers_count_every_flow_once_with_and_without_roll_up(lake: Lake) -> None:
    for batch in range(6):
        start = MORNING + batch * 3600 * SECOND
        store(lake, f"b{batch}", flow(batch, start, 1, 2), flow(100 + batch, start, 3, 2, src_bytes=1000, dst_bytes=0))
    store(lake, "tomorrow", flow(500, MORNING + DAY, 9, 8, src_bytes=10**9))
    ranges = [(MORNING, MORNING + DAY - 1), (MORNING, MORNING + 3 * 3600 * SECOND), (0, 2**62)]
    before = [top_talkers(lake, first, last) for first, last in ranges]
    first = before[0]
    assert [(row.part, row.bytes, row.packets, row.flows) for row in first] == [
        (part(2), 6 * 1500, 6 * 10, 12),
        (part(3), 6 * 1000, 6 * 5, 6),
        (part(1), 6 * 500, 6 * 5, 6),
    ]
    assert compact(lake, at_least=2) == 6
    with lake.database.reading() as connection:
        assert len(lake.manifest(connection, "talkers.v1")) == 1
    assert [top_talkers(lake, first, last) for first, last in ranges] == before
    assert [row.part for row in top_talkers(lake, 0, 2**62, parts=[part(1)])] == [part(1)]
    assert top_talkers(lake, 0, 2**62, parts=[]) == []


def test_compaction_keeps_every_row_and_takes_old_files_away(lake: Lake) -> None:
    for batch in range(14):
        store(lake, f"b{batch}", flow(batch, MORNING + batch))
    before = flows(lake, ALWAYS)
    assert compact(lake) == 14
    assert flows(lake, ALWAYS) == before
    assert len(files(lake)) == 2, "one of flows, one roll-up"
    assert compact(lake) == 0
    store(lake, "late", flow(99, MORNING))
    assert compact(lake, at_least=2) == 2
    assert count(lake, ALWAYS) == 15
    assert len(files(lake)) == 2


def test_a_file_that_is_large_by_itself_gets_a_roll_up(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    store(lake, "b1", flow(1, MORNING, 1, 2), flow(2, MORNING + 5, 1, 3))
    before = top_talkers(lake, 0, 2**62)
    monkeypatch.setattr("ringfence.store.lake_compact._SMALL", 1)
    assert compact(lake) == 0
    assert compact(lake) == 0
    assert [path.parent.parent.name for path in files(lake)] == ["flows.v1", "talkers.v1"]
    assert top_talkers(lake, 0, 2**62) == before


def test_what_is_more_than_the_memory_takes_stays_apart(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(4):
        store(
            lake, f"b-{number}", flow(number, MORNING + number * SECOND), flow(number + 10, MORNING + number * SECOND)
        )
    before = len(files(lake))

    def too_much(*_: object) -> None:
        raise duckdb.OutOfMemoryException("no room\nand many words")

    with monkeypatch.context() as patched:
        patched.setattr("ringfence.store.lake_compact.write_parquet", too_much)
        assert compact(lake, at_least=2) == 0
    assert (len(files(lake)), count(lake, FlowFilter(0, 1 << 62))) == (before, 8)
    monkeypatch.setattr("ringfence.store.lake_compact._ROWS", 4)  # Two files in each.
    assert compact(lake, at_least=2) == 4
    with lake.database.reading() as connection:
        assert sorted(file.rows for file in lake.manifest(connection, "flows.v1")) == [4, 4]
    assert count(lake, FlowFilter(0, 1 << 62)) == 8


def test_a_reader_ends_its_look_though_compaction_replaces_the_files(lake: Lake) -> None:
    for batch in range(3):
        store(lake, f"b{batch}", flow(batch, MORNING + batch))
    with lake.kept():
        old = files(lake)
        assert compact(lake, at_least=2) == 3
        assert all(path.exists() for path in old), "somebody still reads them"
        assert count(lake, ALWAYS) == 3
    assert compact(lake, at_least=2) == 0
    assert not any(path.exists() for path in old), "nobody does any more"
    assert count(lake, ALWAYS) == 3


def test_what_is_erased_is_gone_and_stays_gone(lake: Lake, tmp_path: Path) -> None:
    then = MORNING - 40 * DAY
    store(Lake(lake.database, tmp_path, Keys(bytes(32), lambda: then), lambda: then), "old", flow(1, then))
    store(lake, "new", flow(2, MORNING))
    stolen = {path: path.read_bytes() for path in files(lake)}
    assert lake.retain(30) == ["2026-10-18"]
    assert [row.flow_id for row in flows(lake, ALWAYS)] == [2]
    assert len(files(lake)) == 1
    for path, data in stolen.items():  # Somebody kept a copy of the files, and of the manifest's row.
        path.write_bytes(data)
    with lake.database.writing() as connection:
        row = {"id": "old.flows.v1.2026-10-18", "dataset": "flows.v1", "period": "2026-10-18", "rows": 1, "bytes": 1}
        old = next(path for path in stolen if "2026-10-18" in str(path)).relative_to(lake.folder).as_posix()
        connection.execute(lake_file.insert().values(row | {"path": old, "first": 0, "last": 2**62}))
        assert lake.keys.find(connection, PURPOSE, "2026-10-18") is None
    assert [row.flow_id for row in flows(lake, ALWAYS)] == [2], "without its key it can't be read"
    assert compact(lake, at_least=1) >= 0
    assert [row.flow_id for row in flows(lake, ALWAYS)] == [2]


def test_an_old_capture_that_was_read_lately_is_kept(lake: Lake) -> None:
    store(lake, "replayed", flow(1, MORNING - 4000 * DAY))
    assert lake.retain(30) == []
    lake.clock = lambda: MORNING + 31 * DAY
    assert lake.retain(30) == ["2015-12-15"]
    assert files(lake) == []


def test_upkeep_erases_and_compacts_once_an_hour(lake: Lake) -> None:
    upkeep = Upkeep(lake)
    for batch in range(14):
        store(lake, f"b{batch}", flow(batch, MORNING + batch))
    assert upkeep.perhaps(), "what is too old goes at once, where it never went"
    assert not upkeep.perhaps()
    assert len(files(lake)) == 14
    now = MORNING + DAY // 2 + 3600 * SECOND
    lake.clock = lambda: now
    assert upkeep.perhaps()
    assert not upkeep.perhaps()
    assert len(files(lake)) == 2
    lake.clock = lambda: now + 32 * DAY
    assert upkeep.perhaps()
    assert files(lake) == []
    lake.clock = lambda: now - 400 * DAY
    assert upkeep.perhaps(), "a clock that was put back stops nothing"


def test_days_in_the_future_are_not_erased(lake: Lake) -> None:
    store(lake, "wrong-clock", flow(1, MORNING + 4000 * DAY))
    assert lake.retain(30) == []
    assert count(lake, ALWAYS) == 1


def test_a_damaged_or_lost_file_is_told(lake: Lake) -> None:
    store(lake, "b1", flow(1, MORNING))
    (path,) = files(lake)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(RingfenceError) as error:
        count(lake, ALWAYS)
    assert error.value.code.code == "sealed-damaged"
    path.unlink()
    with pytest.raises(RingfenceError, match="is gone"):
        flows(lake, ALWAYS)


def test_one_process_writes(lake: Lake) -> None:
    with lake.alone():
        with pytest.raises(RingfenceError) as error, lake.alone():
            pass
        assert error.value.code.code == "lake-busy"
    with lake.alone():
        pass


def test_the_core_is_stored_and_read_without_pyarrow(lake: Lake, tmp_path: Path) -> None:
    program = f"""
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("pyarrow", "polars", "pandas", "numpy", "pytz"):
            raise ImportError(name)
sys.meta_path.insert(0, Absent())
from pathlib import Path
from ringfence import _core
from ringfence.store.database import Database
from ringfence.store.keys import Keys
from ringfence.store.lake import Lake
from ringfence.store.lake_read import FlowFilter, flows, transactions, top_talkers
capture = Path("vectors/demo/modbus_polling.pcap")
run = _core.run([capture], site_key=b"x", defaults=[], flows="keep", transactions="keep")
lake = Lake(Database(sys.argv[1]), Path({str(tmp_path)!r}), Keys(bytes(32), lambda: 1), lambda: 1)
with lake.database.writing() as connection:
    lake.write(connection, "b1", "flows.v1", run.flows())
    lake.write(connection, "b1", "transactions.v1", run.transactions())
every = FlowFilter(0, 2**62)
print(len(flows(lake, every)), len(transactions(lake, every, limit=100000)), len(top_talkers(lake, 0, 2**62)))
"""
    url = lake.database.url.render_as_string(hide_password=False)
    done = subprocess.run([sys.executable, "-c", program, url], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    flow_count, transaction_count, talkers = map(int, done.stdout.split())
    assert flow_count > 0
    assert transaction_count > 10
    assert talkers >= 2
    found = transactions(lake, FlowFilter(0, 2**62, protocol="modbus"))
    assert {row.protocol for row in found} == {"modbus"}
    with lake.database.reading() as connection:
        rows = connection.execute(select(func.sum(lake_file.c.rows))).scalar()
    assert rows == flow_count + transaction_count
