"""Live reading: what all batches add up to, windows, pipes that never end, and how a read is stopped."""

from __future__ import annotations

import json
import os
import resource
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars
import pytest
from tests.sensor.made import CLIENT, CLIENT_MAC, SECOND, SERVER, SERVER_MAC, ethernet, ipv4, transport

from ringfence.model.errors import RingfenceError
from ringfence.model.flow import Conversation
from ringfence.model.observation import Observation
from ringfence.sensor.live import WINDOW, Batch, LiveOptions, LiveRun
from ringfence.sensor.options import ReadOptions
from ringfence.sensor.reader import read

ROOT = Path(__file__).resolve().parents[2]
DEMO = sorted((ROOT / "vectors" / "demo").glob("*.pcap*"))
KEY = b"k" * 32
START = 5_000_000 * WINDOW
MAGICS = (b"\xd4\xc3\xb2\xa1", b"\xa1\xb2\xc3\xd4", b"\x4d\x3c\xb2\xa1", b"\x0a\x0d\x0d\x0a")
#: Kinds whose value states a sum: the last row of a window takes the place of those before.
STATED = ("flow.attempts", "flow.targeted")


def corpus() -> list[Path]:
    """Twenty captures of the corpus, evenly spread, where there is a corpus."""
    name = os.environ.get("RINGFENCE_CORPUS")
    if not name:
        return []
    found = [
        path for path in sorted((Path(name) / "captures").rglob("*.pcap*")) if 20_000 < path.stat().st_size < 10**6
    ]
    files = [path for path in found if path.read_bytes()[:4] in MAGICS]
    return files[:: max(1, len(files) // 20)][:20]


def collecting(found: list[Batch]) -> Callable[[Batch], bool]:
    def take(batch: Batch) -> bool:
        found.append(batch)
        return True

    return take


def batches(sources: list[Path | int | str], **options: Any) -> list[Batch]:
    found: list[Batch] = []
    LiveRun(sources, LiveOptions(site_key=KEY, **options)).run(collecting(found))
    return found


def observed(facts: list[Observation]) -> dict[tuple[Any, ...], tuple[int, int, int]]:
    out: dict[tuple[Any, ...], tuple[int, int, int]] = {}
    for fact in facts:
        stated = fact.kind in STATED
        value = {name: fact.value[name] for name in ("window", "transport")} if stated else dict(fact.value)
        key = (fact.kind, fact.subject, fact.object, json.dumps(value, sort_keys=True))
        count, first, last = out.get(key, (0, 1 << 63, -(1 << 63)))
        added = (fact.count, fact.first, fact.last)
        out[key] = added if stated else (count + added[0], min(first, added[1]), max(last, added[2]))
    return out


def talked(talks: list[Conversation]) -> dict[tuple[Any, ...], tuple[Any, ...]]:
    out: dict[tuple[Any, ...], list[Any]] = {}
    for talk in talks:
        key = (talk.source, talk.destination, talk.protocol, talk.transport, talk.port, talk.answered)
        row = out.setdefault(key, [0, 0, 0, 1 << 63, -(1 << 63), Counter()])
        row[0] += talk.flows
        row[1] += talk.packets
        row[2] += talk.bytes
        row[3], row[4] = min(row[3], talk.first), max(row[4], talk.last)
        row[5].update({(asked.operation, asked.object): asked.count for asked in talk.operations})
    # What was told of a protocol before another one was recognised was taken back.
    return {key: tuple(row) for key, row in out.items() if any(row[:3])}


@pytest.mark.parametrize("every", [300, 10])
@pytest.mark.parametrize("path", [*DEMO, *corpus()], ids=lambda path: path.name)
def test_batches_add_up_to_the_whole_run(path: Path, every: int) -> None:
    whole = read([path], ReadOptions(site_key=KEY, flows="keep", transactions="keep"))
    counters = whole.summary["counters"]
    if counters["backwards"] and counters["jumps"]:
        pytest.skip("its clock is set back by hours: flows end there")
    found = batches([path], every=every)
    assert observed([fact for batch in found for fact in batch.observations]) == observed(whole.observations)
    asked = talked([talk for batch in found for talk in batch.conversations])
    assert {key: row[:5] for key, row in asked.items()} == {
        key: row[:5] for key, row in talked(whole.conversations).items()
    }
    last = found[-1].summary
    for name in ("packets", "bytes", "first", "last", "problems", "interfaces", "bounds"):
        assert last[name] == whole.summary[name], name
    stated = {"observations", "conversations"}
    assert {k: v for k, v in last["counters"].items() if k not in stated} == {
        k: v for k, v in counters.items() if k not in stated
    }
    assert sum(batch.packets for batch in found) == whole.summary["packets"]
    flows = polars.concat([polars.DataFrame(batch.flows()) for batch in found])
    sums = flows.group_by("flow_id").agg(polars.col("src_packets", "dst_packets", "src_bytes", "dst_bytes").sum())
    columns = ["flow_id", "src_packets", "dst_packets", "src_bytes", "dst_bytes"]
    expected = polars.DataFrame(whole.core.flows()).select(columns)
    assert sums.select(columns).sort("flow_id").equals(expected.sort("flow_id"))
    transactions = polars.concat([polars.DataFrame(batch.transactions()) for batch in found])
    assert transactions.height == whole.summary["transaction_rows"]
    assert flows.group_by("flow_id", "window").len()["len"].max() == 1 or every == 10 or flows.height == 0


def test_batches_are_named_and_numbered_the_same_each_time() -> None:
    path = ROOT / "vectors" / "demo" / "made_cell.pcap"
    first, second = batches([path], every=10, sensor="cell"), batches([path], every=10, sensor="cell")
    assert [batch.id for batch in first] == [batch.id for batch in second]
    assert len({batch.id for batch in first}) == len(first)
    assert [batch.part for batch in first] == list(range(len(first)))
    assert [batch.last for batch in first] == [False] * (len(first) - 1) + [True]
    assert first[0].epoch == read([path]).inputs[0].digest
    assert polars.DataFrame(first[0].flows())["sensor"].unique().to_list() in ([], ["cell"])


def section() -> bytes:
    head = struct.pack("<IIIHHqI", 0x0A0D0D0A, 28, 0x1A2B3C4D, 1, 0, -1, 28)
    body = struct.pack("<HHI", 1, 0, 0) + struct.pack("<HHB3x", 9, 1, 9) + bytes(4)
    return head + struct.pack("<II", 1, 12 + len(body)) + body + struct.pack("<I", 12 + len(body))


def block(kind: int, body: bytes) -> bytes:
    body += bytes(-len(body) % 4)
    length = 12 + len(body)
    return struct.pack("<II", kind, length) + body + struct.pack("<I", length)


def packet(time_ns: int, frame: bytes) -> bytes:
    return block(6, struct.pack("<IIIII", 0, time_ns >> 32, time_ns & 0xFFFFFFFF, len(frame), len(frame)) + frame)


def tick(time_ns: int) -> bytes:
    return block(5, struct.pack("<III", 0, time_ns >> 32, time_ns & 0xFFFFFFFF))


def datagram(time_ns: int, port: int = 40_000, back: bool = False, text: bytes = b"\xfe" * 8) -> bytes:
    ends, macs, ports = (CLIENT, SERVER), (CLIENT_MAC, SERVER_MAC), (port, 9000)
    if back:
        ends, macs, ports = ends[::-1], macs[::-1], ports[::-1]
    body = transport(17, struct.pack("!HHHH", *ports, 8 + len(text), 0) + text, 6, *ends)
    return packet(time_ns, ethernet(0x0800, ipv4(17, body, *ends), *macs))


def exchange(time_ns: int) -> bytes:
    """Ten datagrams that no protocol claims: nothing is waited for any more then."""
    return b"".join(datagram(time_ns + at, back=at % 2 == 1) for at in range(10))


class Reading:
    """A read of a pipe in a thread, with what it handed over."""

    def __init__(self, take: Callable[[Batch], bool] | None = None, **options: Any) -> None:
        self.out, self._write = os.pipe()
        self.batches: list[Batch] = []
        self.error: BaseException | None = None
        self.run = LiveRun([self.out], LiveOptions(site_key=KEY, sensor="s", epoch="e", **options))
        self._take = take or (lambda batch: True)
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def _read(self) -> None:
        def take(batch: Batch) -> bool:
            self.batches.append(batch)
            return self._take(batch)

        try:
            self.run.run(take)
        except BaseException as error:  # noqa: BLE001 It is looked at by the test.
            self.error = error

    def write(self, data: bytes) -> None:
        while data:
            data = data[os.write(self._write, data) :]

    def until(self, count: int) -> None:
        end = time.monotonic() + 10
        while len(self.batches) < count and time.monotonic() < end and self._thread.is_alive():
            time.sleep(0.01)

    def close(self) -> None:
        os.close(self._write)
        self._write = -1
        self.join()

    def join(self) -> None:
        self._thread.join(10)
        assert not self._thread.is_alive()

    def __enter__(self) -> Reading:
        return self

    def __exit__(self, *_: object) -> None:
        self.run.stop()
        self.join()
        os.close(self.out)
        if self._write >= 0:
            os.close(self._write)


def test_a_pipe_is_read_as_it_comes() -> None:
    """A few bytes are handed on though nothing follows: no block of a quarter MiB is waited for."""
    with Reading(every=10) as reading:
        reading.write(section() + exchange(START) + tick(START + 11 * SECOND))
        reading.until(1)
        (batch,) = reading.batches
        assert (batch.window, batch.part, batch.closed, batch.packets) == (START // WINDOW, 0, False, 10)
        assert [talk.packets for talk in batch.conversations] == [10]
        assert batch.now == START + 11 * SECOND


def test_a_window_closes_by_the_clock_of_a_quiet_network() -> None:
    with Reading() as reading:
        reading.write(section() + datagram(START) + datagram(START + 1, back=True))
        reading.write(b"".join(tick(START + second * SECOND) for second in range(1, 310)))
        time.sleep(0.3)
        assert not reading.batches
        reading.write(tick(START + 310 * SECOND))
        reading.until(1)
        assert [(batch.closed, batch.packets) for batch in reading.batches] == [(True, 2)]


def test_a_conversation_that_goes_on_is_in_each_batch_with_what_came() -> None:
    with Reading(every=10) as reading:
        reading.write(section())
        for second in range(400):
            reading.write(datagram(START + second * SECOND, back=second % 2 == 1))
        reading.close()
        told = [(talk.flows, talk.packets) for batch in reading.batches for talk in batch.conversations]
        assert sum(flows for flows, _ in told) == 1
        assert sum(count for _, count in told) == 400
        assert len(told) >= 39
        rows = polars.concat([polars.DataFrame(batch.flows()) for batch in reading.batches])
        assert (rows["src_packets"] + rows["dst_packets"]).to_list() == [300, 100]
        assert rows["flow_id"].n_unique() == 1


def test_stop_ends_a_silent_read_and_hands_over_the_rest() -> None:
    with Reading() as reading:
        reading.write(section() + datagram(START) + datagram(START + 1, back=True))
        time.sleep(0.2)
        asked = time.monotonic()
        reading.run.stop()
        reading.join()
        assert time.monotonic() - asked < 1
        assert [(batch.last, batch.packets) for batch in reading.batches] == [(True, 2)]


def test_stop_ends_a_read_that_has_not_begun() -> None:
    with Reading() as reading:
        asked = time.monotonic()
        reading.run.stop()
        reading.join()
        assert time.monotonic() - asked < 1


def test_answering_false_ends_the_read() -> None:
    with Reading(take=lambda batch: False, every=10) as reading:
        reading.write(section() + datagram(START) + tick(START + 11 * SECOND) + tick(START + 400 * SECOND))
        reading.join()
        assert len(reading.batches) == 1
        assert reading.error is None


def test_what_the_taker_raises_is_raised_once() -> None:
    def refuse(_batch: Batch) -> bool:
        raise KeyError("mine")

    with Reading(take=refuse, every=10) as reading:
        reading.write(section() + datagram(START) + tick(START + 11 * SECOND) + tick(START + 400 * SECOND))
        reading.join()
        assert isinstance(reading.error, KeyError)
        assert len(reading.batches) == 1


def test_a_quiet_pipe_does_not_hold_back_another() -> None:
    quiet, writer = os.pipe()
    with Reading(every=10) as reading:
        both = LiveRun([quiet, reading.out], LiveOptions(site_key=KEY, every=10, domain_per_input=True))
        reading.run.stop()
        reading.join()
        found: list[Batch] = []
        thread = threading.Thread(target=lambda: both.run(collecting(found)))
        thread.start()
        reading.write(section() + exchange(START) + tick(START + 11 * SECOND))
        end = time.monotonic() + 10
        while not found and time.monotonic() < end:
            time.sleep(0.01)
        assert [talk.source.address.domain for talk in found[0].conversations] == ["input-1"]
        both.stop()
        thread.join(5)
    os.close(quiet)
    os.close(writer)


def test_sources_that_are_no_captures_are_named(tmp_path: Path) -> None:
    with pytest.raises(RingfenceError) as error:
        batches([tmp_path / "none.pcap"])
    assert error.value.code.code == "input-not-found"
    with pytest.raises(RingfenceError) as error:
        batches([999_999])
    assert error.value.code.code == "input-not-found"
    (tmp_path / "text.pcap").write_text("this is no capture", encoding="ascii")
    with pytest.raises(RingfenceError) as error:
        batches([tmp_path / "text.pcap"])
    assert error.value.code.code == "input-not-a-capture"
    with Reading() as reading:
        reading.write(b"nor is this one, whatever it is")
        reading.close()
        assert isinstance(reading.error, RingfenceError)
        assert reading.error.code.code == "input-not-a-capture"


def test_a_cut_anywhere_loses_only_what_was_cut() -> None:
    data = section() + b"".join(datagram(START + at * SECOND, back=at % 2 == 1) + tick(START + at) for at in range(4))
    whole = 0
    for cut in range(0, len(data), 3):
        with Reading() as reading:
            reading.write(data[:cut])
            reading.close()
            if reading.error is None and reading.batches:
                packets = reading.batches[-1].summary["packets"]
                assert whole <= packets <= 4
                whole = packets


def test_a_fifo_that_nobody_writes_to_yet_is_waited_for(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    found: list[Batch] = []
    run = LiveRun([fifo], LiveOptions(site_key=KEY))
    thread = threading.Thread(target=lambda: run.run(collecting(found)))
    thread.start()
    time.sleep(0.3)
    fifo.write_bytes(section() + datagram(START) + datagram(START + 1, back=True))
    thread.join(10)
    assert [batch.packets for batch in found] == [2]


@pytest.mark.slow
def test_memory_does_not_grow_with_the_length_of_a_read() -> None:
    """Each window brings new values and new talkers; what was handed over is forgotten."""
    peaks: list[int] = []

    def window(number: int) -> bytes:
        base = START + number * WINDOW
        out = bytearray()
        for at in range(2000):
            query = struct.pack("!HHHHHH", at, 0x0100, 1, 0, 0, 0) + b"\x0c" + f"{number:06d}{at:06d}".encode()
            query += b"\x03com\0\0\x01\0\x01"
            out += datagram(base + at * SECOND // 10, 1024 + at % 60_000, text=query)
        return bytes(out)

    def take(batch: Batch) -> bool:
        peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
        reading.batches.clear()  # Whoever keeps batches keeps what they hold.
        return True

    with Reading(take=take) as reading:
        reading.write(section())
        for number in range(150):
            reading.write(window(number))
        reading.close()
    assert len(peaks) == 150
    assert peaks[-1] - peaks[75] < 40_000, "KiB gained in the second half"
