"""The capture process on a cable of our own: what goes in comes out, what is lost is told, and nothing can be sent.

The tests need root and their own network namespace; elsewhere they say so. The capturing end of the cable has no
address and no IPv6, as a sensor's port should be.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from ringfence.app.daemons.capture import handed_over
from ringfence.sensor.live import Batch, LiveOptions, LiveRun
from ringfence.sensor.reader import read

MODULE = "ringfence.app.daemons.capture"
_ETH_P_ALL = 0x0003
_NEEDS = ("ip", "setpriv")
#: Root without any capability: what an ordinary user may do, in a checkout that only root may read.
UNPRIVILEGED = ("setpriv", "--bounding-set=-all", "--inh-caps=-all")


@dataclass(frozen=True)
class Cable:
    """A veth pair in a namespace of its own."""

    namespace: str
    sender: str = "rf-sender"
    sensor: str = "rf-sensor"

    def command(self, *words: str) -> list[str]:
        return ["ip", "netns", "exec", self.namespace, *words]

    def capture(self, *words: str) -> list[str]:
        return self.command(sys.executable, "-m", MODULE, self.sensor, *words)

    @contextlib.contextmanager
    def entered(self) -> Iterator[None]:
        """Let this thread open sockets in the namespace."""
        here = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        there = os.open(f"/run/netns/{self.namespace}", os.O_RDONLY)
        setns = __import__("ctypes").CDLL(None, use_errno=True).setns
        assert setns(there, 0) == 0
        try:
            yield
        finally:
            assert setns(here, 0) == 0
            os.close(here)
            os.close(there)

    def socket(self, interface: str) -> socket.socket:
        with self.entered():
            made = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETH_P_ALL))
            made.bind((interface, _ETH_P_ALL))
        return made


@pytest.fixture
def cable() -> Iterator[Cable]:
    if os.geteuid() != 0:
        pytest.skip("a network namespace and a packet socket need root")
    missing = [name for name in _NEEDS if shutil.which(name) is None]
    if missing:
        pytest.skip(f"missing: {', '.join(missing)}")
    made = Cable(f"rf-{os.getpid()}-{time.monotonic_ns() % 10**6}")
    added = subprocess.run(["ip", "netns", "add", made.namespace], capture_output=True)
    if added.returncode != 0:
        pytest.skip(f"no network namespace can be made here: {added.stderr.decode()}")
    try:
        for words in (
            ("sysctl", "-qw", "net.ipv6.conf.default.disable_ipv6=1"),
            ("ip", "link", "add", made.sender, "type", "veth", "peer", "name", made.sensor),
            ("ip", "link", "set", made.sender, "up"),
            ("ip", "link", "set", made.sensor, "up"),
        ):
            subprocess.run(made.command(*words), check=True, capture_output=True)
        yield made
    finally:
        subprocess.run(["ip", "netns", "del", made.namespace], check=False)


def frame(number: int, size: int = 60, *, vlan: int | None = None, tpid: int = 0x8100) -> bytes:
    """A UDP datagram that carries its number."""
    tag = b"" if vlan is None else struct.pack("!HH", tpid, vlan)
    payload = struct.pack("!I", number) + bytes(max(size - 46 - len(tag), 0))
    udp = struct.pack("!HHHH", 4000, 5000, 8 + len(payload), 0) + payload
    header = struct.pack(
        "!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), number & 0xFFFF, 0, 64, 17, 0, b"\n\0\0\1", b"\n\0\0\2"
    )
    return bytes.fromhex("020000000002020000000001") + tag + b"\x08\x00" + header + udp


def blocks(data: bytes) -> list[tuple[int, bytes]]:
    """The blocks of a pcapng stream, written here once more for the test: type and body."""
    out = []
    at = 0
    while at < len(data):
        kind, length = struct.unpack_from("=II", data, at)
        assert length >= 12
        assert struct.unpack_from("=I", data, at + length - 4)[0] == length
        out.append((kind, data[at + 8 : at + length - 4]))
        at += length
    return out


def packets(data: bytes) -> list[bytes]:
    out = []
    for kind, body in blocks(data):
        if kind == 6:
            captured, wire = struct.unpack_from("=II", body, 12)
            assert wire >= captured
            out.append(body[20 : 20 + captured])
    return out


def counts(data: bytes) -> tuple[int, int]:
    """Received and dropped, as the last statistics say."""
    body = [body for kind, body in blocks(data) if kind == 5][-1]
    assert struct.unpack_from("=HH", body, 12) == (4, 8)
    assert struct.unpack_from("=HH", body, 24) == (5, 8)
    return struct.unpack_from("=Q", body, 16)[0], struct.unpack_from("=Q", body, 28)[0]


class Running:
    """A capture that runs, with all that it writes."""

    def __init__(self, command: Sequence[str], pass_fds: Sequence[int] = ()) -> None:
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, pass_fds=pass_fds)
        self.data = bytearray()
        self._begun = threading.Event()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()
        if not self._begun.wait(20):
            assert self.process.stderr is not None
            raise AssertionError(self.process.stderr.read().decode())

    def _read(self) -> None:
        assert self.process.stdout is not None
        while data := os.read(self.process.stdout.fileno(), 1 << 20):
            self.data += data
            self._begun.set()
        self._begun.set()

    def until(self, count: int, seconds: float = 10) -> None:
        """Wait for so many packets."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            with contextlib.suppress(AssertionError, struct.error):
                if len(packets(bytes(self.data))) >= count:
                    return
            time.sleep(0.05)

    def end(self) -> bytes:
        self.process.terminate()
        self.process.wait(10)
        self._thread.join(10)
        return bytes(self.data)


def test_frames_come_out_as_they_went_in(cable: Cable) -> None:
    sent = [frame(number, size) for number, size in enumerate((60, 61, 62, 63, 64, 590, 1514))]
    sent += [frame(100, 80, vlan=5), frame(101, 80, vlan=0x6FFE), frame(102, 80, vlan=7, tpid=0x88A8)]
    # A tag within a tag, and frames that are no IP at all.
    sent += [bytes.fromhex("020000000002020000000001 8100 0002 8100 0003 0800") + bytes(60)]
    sent += [bytes.fromhex("0180c200000e020000000001 88cc") + bytes(46), bytes(60)]
    running = Running(cable.capture())
    sender = cable.socket(cable.sender)
    for one in sent:
        sender.send(one)
    running.until(len(sent))
    data = running.end()
    assert packets(data) == sent
    kinds = [kind for kind, _ in blocks(data)]
    assert kinds[:3] == [0x0A0D0D0A, 1, 5]
    interface = blocks(data)[1][1]
    assert b"rf-sensor" in interface
    assert struct.unpack_from("=H", interface)[0] == 1


def test_statistics_are_a_clock_each_second_and_count(cable: Cable) -> None:
    began = time.time_ns()
    running = Running(cable.capture("--seconds", "3"))
    sender = cable.socket(cable.sender)
    for number in range(50):
        sender.send(frame(number))
    assert running.process.wait(20) == 0
    data = running.end()
    times = [
        (struct.unpack_from("=I", body, 4)[0] << 32) + struct.unpack_from("=I", body, 8)[0]
        for kind, body in blocks(data)
        if kind == 5
    ]
    assert len(times) >= 3
    assert times == sorted(times)
    assert began < times[0] < times[-1] < time.time_ns()
    assert times[-1] - times[0] > 1_500_000_000
    assert counts(data) == (50, 0)


def test_what_this_host_sends_is_left_out_unless_wanted(cable: Cable) -> None:
    own = cable.socket(cable.sensor)
    other = cable.socket(cable.sender)
    for words, expected in (((), [frame(2)]), (("--own",), [frame(1), frame(2)])):
        running = Running(cable.capture(*words))
        own.send(frame(1))
        other.send(frame(2))
        running.until(len(expected))
        assert packets(running.end()) == expected


def test_drops_are_counted(cable: Cable) -> None:
    """The reader stands still: the pipe and the smallest ring fill up, and what is lost is told."""
    process = subprocess.Popen(cable.capture("--ring", "2", "--seconds", "6"), stdout=subprocess.PIPE)
    assert process.stdout is not None
    data = bytearray(os.read(process.stdout.fileno(), 200))
    sender = cable.socket(cable.sender)
    sent = 0
    for number in range(12_000):
        with contextlib.suppress(BlockingIOError):
            sender.send(frame(number, 1514))
            sent += 1
    while more := os.read(process.stdout.fileno(), 1 << 20):
        data += more
    assert process.wait(20) == 0
    received, dropped = counts(bytes(data))
    assert received == sent
    assert dropped > 1000
    assert len(packets(bytes(data))) == received - dropped


def test_the_core_reads_a_capture_as_it_comes_and_stops_at_once(cable: Cable) -> None:
    process = subprocess.Popen(cable.capture(), stdout=subprocess.PIPE)
    assert process.stdout is not None
    sender = cable.socket(cable.sender)
    run = LiveRun([process.stdout.fileno()], LiveOptions(site_key=b"k" * 32, every=1, sensor="s", epoch="e"))
    batches: list[Batch] = []

    def take(batch: Batch) -> bool:
        batches.append(batch)
        return True

    thread = threading.Thread(target=lambda: run.run(take))
    thread.start()
    end = time.monotonic() + 20
    while time.monotonic() < end and not any(batch.conversations for batch in batches):
        sender.send(frame(int(time.monotonic())))
        time.sleep(0.1)
    asked = time.monotonic()
    run.stop()
    thread.join(10)
    assert time.monotonic() - asked < 1
    assert batches[-1].last
    talk = next(talk for batch in batches for talk in batch.conversations)
    assert (talk.source.address.value, talk.destination.address.value) == ("10.0.0.1", "10.0.0.2")
    assert batches[-1].summary["interfaces"][0]["name"] == "rf-sensor"
    assert batches[-1].summary["interfaces"][0]["dropped"] == 0
    process.terminate()
    process.wait(10)
    process.stdout.close()


def test_every_way_to_send_is_refused(cable: Cable) -> None:
    listener = cable.socket(cable.sender)
    listener.settimeout(1)
    done = subprocess.run(cable.capture("--prove"), capture_output=True, timeout=30)
    assert done.returncode == 0, done.stdout + done.stderr
    answers = dict(line.split(": ") for line in done.stdout.decode().splitlines())
    for way in ("send", "sendto", "sendmsg", "sendmmsg", "writev", "sendfile", "splice", "io_uring_setup", "socket"):
        assert answers[way] == "EPERM", way
    assert answers["write to the packet socket"] == "EPERM"
    assert answers["write to standard error"] == "EPERM"
    assert answers["open"] == "EPERM"
    assert answers["mmap of code"] == "EPERM"
    assert set(answers.values()) == {"EPERM"}
    assert len(answers) >= 25
    with pytest.raises(TimeoutError):
        listener.recv(2000)


def test_a_running_capture_makes_no_call_that_sends(cable: Cable, tmp_path: Path) -> None:
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed")
    log = tmp_path / "calls"
    words = ("strace", "-f", "-o", str(log), sys.executable, "-m", MODULE, cable.sensor, "--seconds", "3")
    running = Running(cable.command(*words))
    sender = cable.socket(cable.sender)
    for number in range(500):
        sender.send(frame(number))
    assert running.process.wait(60) == 0
    assert len(packets(running.end())) == 500
    lines = log.read_text(errors="replace").splitlines()
    sealed = next(at for at, line in enumerate(lines) if "seccomp(SECCOMP_SET_MODE_FILTER" in line)
    name = re.compile(r"^\d+ +(\w+)\(([^,)]*)")
    calls = [(match[1], match[2], line) for line in lines[sealed + 1 :] if (match := name.match(line))]
    done = {(call, first) for call, first, line in calls if "EPERM" not in line}
    assert {call for call, _ in done} <= {
        "write", "poll", "ppoll", "getsockopt", "getsockname", "clock_gettime", "munmap", "mmap", "mremap", "brk",
        "madvise", "futex", "exit_group", "exit", "close", "rt_sigprocmask", "sigaltstack", "restart_syscall",
        "mprotect",
    }  # fmt: skip
    assert {first for call, first in done if call == "write"} == {"1"}


def test_a_handed_over_socket_needs_no_privilege(cable: Cable) -> None:
    given = cable.socket(cable.sensor)
    command = [*UNPRIVILEGED, sys.executable, "-m", MODULE, "handed-over", "--descriptor", str(given.fileno())]
    running = Running(command, pass_fds=[given.fileno()])
    sender = cable.socket(cable.sender)
    sender.send(frame(1))
    running.until(1)
    assert packets(running.end()) == [frame(1)]


def test_without_privilege_or_interface_it_says_so(cable: Cable) -> None:
    refused = subprocess.run(
        cable.command(*UNPRIVILEGED, sys.executable, "-m", MODULE, cable.sensor),
        capture_output=True,
    )
    assert refused.returncode == 2
    assert b"(capture-not-permitted)" in refused.stderr
    missing = subprocess.run(cable.command(sys.executable, "-m", MODULE, "rf-none"), capture_output=True)
    assert missing.returncode == 2
    assert b"(interface-not-found)" in missing.stderr


def test_an_output_by_which_one_could_send_is_refused(cable: Cable) -> None:
    ours, theirs = socket.socketpair()
    done = subprocess.run(cable.capture(), stdout=theirs.fileno(), stderr=subprocess.PIPE, timeout=30)
    assert done.returncode == 5
    assert b"(capture-not-sealed)" in done.stderr
    assert b"a socket" in done.stderr
    theirs.close()
    assert ours.recv(10) == b""


def test_it_ends_with_its_reader(cable: Cable) -> None:
    process = subprocess.Popen(cable.capture(), stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert os.read(process.stdout.fileno(), 10)
    process.stdout.close()
    assert process.wait(5) == 0


def test_an_interface_that_goes_ends_it(cable: Cable) -> None:
    running = Running(cable.capture())
    subprocess.run(cable.command("ip", "link", "del", cable.sender), check=True)
    assert running.process.wait(10) == 6


def test_a_sensors_port_is_checked(cable: Cable, tmp_path: Path) -> None:
    import json

    def checked() -> dict[str, str]:
        command = cable.command(sys.executable, "-m", "ringfence.app.cli", "sensor", "check", cable.sensor)
        done = subprocess.run([*command, "--seconds", "2", "--json"], capture_output=True, timeout=60)
        assert done.returncode in (0, 1), done.stderr
        return {row["code"]: row["state"] for row in json.loads(done.stdout)["checks"]}

    assert checked() == {
        "traffic": "bad", "vlans": "unknown", "directions": "unknown", "duplicates": "unknown", "offload": "unknown",
        "drops": "unknown", "clock": "unknown", "silence": "good",
    }  # fmt: skip
    stop = threading.Event()

    def talk() -> None:
        own, other = cable.socket(cable.sensor), cable.socket(cable.sender)
        while not stop.wait(0.05):
            other.send(frame(1, 80, vlan=12))
            own.send(frame(2))

    thread = threading.Thread(target=talk)
    thread.start()
    try:
        found = checked()
    finally:
        stop.set()
        thread.join()
    assert (found["traffic"], found["vlans"], found["silence"]) == ("good", "good", "bad")


def test_who_handed_over_is_asked_for_us() -> None:
    assert handed_over({"LISTEN_PID": "7", "LISTEN_FDS": "1"}, 7) == 3
    assert handed_over({"LISTEN_PID": "8", "LISTEN_FDS": "1"}, 7) is None
    assert handed_over({"LISTEN_PID": "7", "LISTEN_FDS": "0"}, 7) is None
    assert handed_over({"LISTEN_PID": "7"}, 7) is None
    assert handed_over({}, 7) is None


def test_a_file_written_by_it_is_read_like_any_other(cable: Cable, tmp_path: Path) -> None:
    out = tmp_path / "out.pcapng"
    with out.open("wb") as file:
        process = subprocess.Popen(cable.capture("--seconds", "3"), stdout=file)
        end = time.monotonic() + 20
        while not out.stat().st_size and time.monotonic() < end:
            time.sleep(0.01)
        sender = cable.socket(cable.sender)
        for number in range(20):
            sender.send(frame(number, vlan=9))
        assert process.wait(20) == 0
    run = read([out])
    assert run.summary["packets"] == 20
    assert run.summary["counters"]["tagged"] == 20
    assert run.summary["problem_count"] == 0
