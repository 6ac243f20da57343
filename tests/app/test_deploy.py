"""What stands in ``deploy/``: units that hold what they promise, and the two seams that they use."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import threading
from pathlib import Path

import pytest

from ringfence.app.cli import parser
from ringfence.app.daemons.captures import Captures
from ringfence.app.notify import notify
from ringfence.model.errors import RingfenceError

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
SERVICES = sorted((DEPLOY / "systemd").glob("*.service"))
CAPTURE = "ringfence-capture@.service"
HARDENED = {
    "NoNewPrivileges": "yes",
    "PrivateDevices": "yes",
    "PrivateTmp": "yes",
    "ProtectSystem": "strict",
    "ProtectHome": "yes",
    "ProtectKernelTunables": "yes",
    "ProtectKernelModules": "yes",
    "ProtectControlGroups": "yes",
    "RestrictNamespaces": "yes",
    "RestrictSUIDSGID": "yes",
    "SystemCallArchitectures": "native",
    "LimitCORE": "0",
    "UMask": "0077",
}


def settings(unit: Path) -> dict[str, str]:
    """The settings of a unit; of several with one name, the last."""
    return dict(re.findall(r"^(\w+)=(.*)$", unit.read_text(encoding="utf-8"), re.MULTILINE))


@pytest.mark.parametrize("unit", SERVICES, ids=lambda unit: unit.name)
def test_a_unit_is_hardened_and_only_captures_may_open_packet_sockets(unit: Path) -> None:
    found = settings(unit)
    assert {name: found.get(name) for name in HARDENED} == HARDENED
    assert found["User"] not in ("", "root")
    if unit.name == CAPTURE:
        assert found["CapabilityBoundingSet"] == found["AmbientCapabilities"] == "CAP_NET_RAW"
        assert "AF_INET" not in found["RestrictAddressFamilies"]
        assert "pcapng" in found["ExecStart"]
    else:
        assert found["CapabilityBoundingSet"] == ""
        assert not found.get("AmbientCapabilities")
        assert "AF_PACKET" not in found["RestrictAddressFamilies"]


def test_the_platform_tells_when_it_is_ready() -> None:
    assert settings(DEPLOY / "systemd" / "ringfence.service")["Type"] == "notify"


def test_commands_in_units_and_container_are_understood() -> None:
    said = [settings(unit)["ExecStart"] for unit in SERVICES if unit.name != CAPTURE]
    text = (DEPLOY / "container" / "Containerfile").read_text(encoding="utf-8")
    words = [line.split("bin/ringfence ", 1)[1].replace("${CREDENTIALS_DIRECTORY}", "/run/c").split() for line in said]
    words.append(re.findall(r'"([^"]+)"', re.search(r"^CMD \[(.*)\]$", text, re.MULTILINE)[1]))  # type: ignore[index]  # It is there.
    assert len(words) == 3
    for arguments in words:
        assert parser().parse_args(arguments).call
    assert re.search(r"^USER [1-9]", text, re.MULTILINE), "not root"


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze comes with systemd only")
def test_systemd_understands_the_units_and_finds_little_exposed(tmp_path: Path) -> None:
    units: list[str] = []
    for path in [*SERVICES, DEPLOY / "systemd" / "ringfence-backup.timer"]:
        unit = tmp_path / path.name.replace("@.", "@eth1.")
        text = path.read_text(encoding="utf-8")
        # What isn't installed here is not what is asked for.
        unit.write_text(re.sub(r"/opt/ringfence/bin/\w+", "/bin/true", text))
        units.append(str(unit))
    done = subprocess.run(["systemd-analyze", "verify", *units], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "tmp" not in done.stderr, done.stderr
    for name in units[:-1]:
        command = ["systemd-analyze", "security", "--offline=true", "--threshold=20", "--no-pager", name]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout[-300:]


def test_systemd_is_told(tmp_path: Path) -> None:
    place = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(place)
        listening.settimeout(5)
        assert notify("READY=1", {"NOTIFY_SOCKET": place})
        assert listening.recv(100) == b"READY=1"
    assert not notify("READY=1", {"NOTIFY_SOCKET": place}), "nobody listens any more"
    assert not notify("READY=1", {})
    assert not notify("READY=1", {"NOTIFY_SOCKET": "relative"})


def test_the_sensor_reads_the_named_pipe_of_a_capture_unit(tmp_path: Path) -> None:
    pipe = tmp_path / "eth1.pcapng"
    os.mkfifo(pipe)
    writer = threading.Thread(target=lambda: pipe.write_bytes(b"packets"))
    writer.start()
    captures = Captures(["eth1"], tmp_path)
    assert captures
    assert os.read(captures.pipes[0], 100) == b"packets"
    writer.join()
    captures.close()


@pytest.mark.parametrize("name", ["eth2", "../eth1", "", "a/b"])
def test_an_interface_without_a_pipe_is_told(tmp_path: Path, name: str) -> None:
    (tmp_path / "eth2.pcapng").write_bytes(b"no pipe")
    with pytest.raises(RingfenceError) as error:
        Captures([name], tmp_path)
    assert error.value.code.code == "input-not-found"
