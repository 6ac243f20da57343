"""The whole live path over a cable: tcpreplay sends a capture, capture and sensor process take it. Needs root.

    python bench/live.py CAPTURE [--rates 20000,50000,100000,0] [--seconds N]

Each rate (packets a second, 0: as fast as can be sent) has a new installation in a network namespace of its own. A
packet is lost that the interface counted and the sensor did not. Prints one JSON line a rate: packets sent, lost, CPU
seconds of the capture and the sensor process (with all that they store) for each 100,000 packets.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from sqlalchemy import select

from ringfence.app.installation import Installation
from ringfence.store.migrate import upgrade
from ringfence.store.schema.operation import batch

NAMESPACE = f"rf-live-{os.getpid()}"
SENDER, SENSOR = "rf-sender", "rf-sensor"
ROOT = Path(__file__).resolve().parents[1]


def inside(*words: str) -> list[str]:
    """Return the command as it is started in the namespace."""
    return ["ip", "netns", "exec", NAMESPACE, *words]


def prepare() -> None:
    """Make the namespace and the cable; the capturing end stays silent."""
    subprocess.run(["ip", "netns", "add", NAMESPACE], check=True)
    for words in (
        ["sysctl", "-qw", "net.ipv6.conf.default.disable_ipv6=1"],
        ["ip", "link", "add", SENDER, "mtu", "9000", "type", "veth", "peer", "name", SENSOR, "mtu", "9000"],
        ["ip", "link", "set", SENDER, "up"],
        ["ip", "link", "set", SENSOR, "up"],
    ):
        subprocess.run(inside(*words), check=True)


def arrived() -> int:
    """Return how many frames the capturing end has counted."""
    told = subprocess.run(inside("ip", "-s", "-j", "link", "show", SENSOR), check=True, capture_output=True)
    return int(json.loads(told.stdout)[0]["stats64"]["rx"]["packets"])


def measured(capture: Path, rate: int, seconds: int) -> dict[str, float]:
    """Send for so long and return what came of it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        installation = Installation.open(folder / "data")
        upgrade(installation.database)
        words = [sys.executable, "-m", "ringfence.app.daemons.sensor", "--data", str(folder / "data")]
        words += ["--database", installation.url, "--interface", SENSOR]
        environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
        with (folder / "log").open("wb") as log:
            sensor = subprocess.Popen(inside(*words), stdin=subprocess.PIPE, stderr=log, env=environment)
        time.sleep(5)  # Until it listens.
        before = arrived()
        speed = ["--pps", str(rate)] if rate else ["--topspeed"]
        sender = ["tcpreplay", "-q", "-i", SENDER, *speed, "--preload-pcap", "--loop", "1000000", "--unique-ip"]
        sent = subprocess.run(
            inside(*sender, "--duration", str(seconds), str(capture)), check=True, capture_output=True, text=True
        )
        time.sleep(2)
        delivered = arrived() - before
        assert sensor.stdin is not None
        sensor.stdin.close()
        _, status, used = os.wait4(sensor.pid, 0)
        sensor.returncode = os.waitstatus_to_exitcode(status)
        if sensor.returncode:
            raise SystemExit((folder / "log").read_text()[-2_000:])
        with installation.database.reading() as connection:
            counted = sum(connection.execute(select(batch.c.packets)).scalars())
        installation.database.close()
    cpu = used.ru_utime + used.ru_stime
    reached = re.search(r"([\d.]+) pps", sent.stdout)
    return {
        "asked_a_second": rate,
        "reached_a_second": float(reached[1]) if reached else 0.0,
        "delivered": delivered,
        "lost": delivered - counted,
        "cpu_seconds": round(cpu, 2),
        "cpu_seconds_per_100k_packets": round(cpu / max(counted, 1) * 100_000, 3),
        "peak_memory_mb": used.ru_maxrss // 1024,
        "load": os.getloadavg()[0],
    }


def main() -> int:
    """Measure every rate."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("capture", type=Path)
    parser.add_argument("--rates", default="20000,50000,100000,200000,0")
    parser.add_argument("--seconds", type=int, default=10)
    chosen = parser.parse_args()
    prepare()
    try:
        for rate in map(int, chosen.rates.split(",")):
            print(json.dumps(measured(chosen.capture, rate, chosen.seconds)), flush=True)
    finally:
        subprocess.run(["ip", "netns", "del", NAMESPACE], check=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
