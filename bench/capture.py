"""How fast the capture process takes frames: a sender and it on a cable in a namespace of their own. Needs root.

    python bench/capture.py [--seconds N] [--size BYTES] [--rate PACKETS_A_SECOND]

Prints JSON: what was sent, what arrived, what the kernel dropped, and CPU seconds of the capture process. The sender
hands the kernel 64 frames at a time (sendmmsg), so that it is not what limits.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import socket
import struct
import subprocess
import sys
import time

NAMESPACE = f"rf-bench-{os.getpid()}"
SENDER, SENSOR = "rf-sender", "rf-sensor"
TOGETHER = 64


class _Vector(ctypes.Structure):
    _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))


class _Message(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_void_p),
        ("name_length", ctypes.c_uint32),
        ("vectors", ctypes.POINTER(_Vector)),
        ("vector_count", ctypes.c_size_t),
        ("control", ctypes.c_void_p),
        ("control_length", ctypes.c_size_t),
        ("flags", ctypes.c_int),
        ("sent", ctypes.c_uint32),
    )


def _frames(size: int) -> list[ctypes.Array[ctypes.c_char]]:
    frames = []
    for number in range(TOGETHER):
        udp = struct.pack("!HHHH", 4000 + number, 5000, size - 34, 0) + bytes(size - 42)
        head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, size - 14, 0, 0, 64, 17, 0, bytes((10, 0, 0, number)), b"\n\0\1\1")
        frames.append(ctypes.create_string_buffer(b"\x02\0\0\0\0\x02\x02\0\0\0\0\x01\x08\0" + head + udp, size))
    return frames


def _send(seconds: float, size: int, rate: int) -> int:
    made = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    made.bind((SENDER, 0))
    frames = _frames(size)
    vectors = [_Vector(ctypes.addressof(frame), size) for frame in frames]
    messages = (_Message * TOGETHER)(*(_Message(None, 0, ctypes.pointer(one), 1, None, 0, 0, 0) for one in vectors))
    call = ctypes.CDLL(None, use_errno=True).sendmmsg
    sent, began = 0, time.perf_counter()
    while (now := time.perf_counter() - began) < seconds:
        if rate and sent > now * rate:
            time.sleep(0.0005)
            continue
        sent += max(call(made.fileno(), messages, TOGETHER, 0), 0)
    return sent


def _inside(command: list[str]) -> list[str]:
    return ["ip", "netns", "exec", NAMESPACE, *command]


def _prepare() -> None:
    subprocess.run(["ip", "netns", "add", NAMESPACE], check=True)
    for words in (
        ["sysctl", "-qw", "net.ipv6.conf.default.disable_ipv6=1"],
        ["ip", "link", "add", SENDER, "type", "veth", "peer", "name", SENSOR],
        ["ip", "link", "set", SENDER, "up"],
        ["ip", "link", "set", SENSOR, "up"],
    ):
        subprocess.run(_inside(words), check=True)


def main() -> int:
    """Run one round."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--size", type=int, default=300, help="bytes of a frame")
    parser.add_argument("--rate", type=int, default=0, help="packets a second; 0: as many as can be sent")
    parser.add_argument("--send", action="store_true", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.send:
        print(_send(chosen.seconds, chosen.size, chosen.rate))
        return 0
    _prepare()
    try:
        print(json.dumps(_round(chosen), indent=2))
    finally:
        subprocess.run(["ip", "netns", "del", NAMESPACE], check=False)
    return 0


def _round(chosen: argparse.Namespace) -> dict[str, float]:
    limit = str(chosen.seconds + 2)
    capture = [sys.executable, "-m", "ringfence.app.daemons.capture", SENSOR, "--seconds", limit]
    with subprocess.Popen(_inside(capture), stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        tail = os.read(process.stdout.fileno(), 1 << 20)
        own = [sys.executable, __file__, "--send", "--seconds", str(chosen.seconds), "--size", str(chosen.size)]
        with subprocess.Popen(_inside([*own, "--rate", str(chosen.rate)]), stdout=subprocess.PIPE, text=True) as sender:
            while data := os.read(process.stdout.fileno(), 1 << 20):
                tail = (tail + data)[-256:]
            sent = int(sender.communicate()[0])
        _, _, used = os.wait4(process.pid, 0)
        process.returncode = 0
    at = tail.rindex(struct.pack("=HH", 4, 8))
    received, dropped = struct.unpack_from("=Q", tail, at + 4)[0], struct.unpack_from("=Q", tail, at + 16)[0]
    cpu = used.ru_utime + used.ru_stime
    return {
        "seconds": chosen.seconds,
        "frame_bytes": chosen.size,
        "sent": sent,
        "sent_a_second": round(sent / chosen.seconds),
        "received": received,
        "dropped": dropped,
        "capture_cpu_seconds": round(cpu, 2),
        "capture_cpu_seconds_per_100k_packets": round(cpu / max(received - dropped, 1) * 100_000, 4),
    }


if __name__ == "__main__":
    sys.exit(main())
