"""A full disk is told as such; nothing that was acknowledged is lost; work goes on when there is room."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.program import missing

from ringfence.model.errors import RingfenceError
from ringfence.store.database import Database
from ringfence.store.disk import write_whole


def _alone(*command: str) -> subprocess.CompletedProcess[str]:
    """Run something in a mount namespace of its own."""
    mapped = [] if os.geteuid() == 0 else ["--map-root-user"]
    try:
        return subprocess.run(
            ["unshare", *mapped, "--mount", *command], capture_output=True, text=True, check=False, timeout=300
        )
    except FileNotFoundError:
        return subprocess.CompletedProcess(command, 127, "", "unshare: not found")


@pytest.mark.slow
@pytest.mark.parametrize("whole", [True, False], ids=["with-the-database", "the-lake-alone"])
def test_a_full_disk_loses_nothing(database: Database, tmp_path: Path, whole: bool) -> None:
    if whole and not database.is_sqlite:
        pytest.skip("PostgreSQL keeps its files elsewhere: the other case is its case")
    if _alone("true").returncode:
        missing("there is no mount namespace to be had here (unshare --mount)")
    folder = tmp_path / "small"
    folder.mkdir()
    url = [] if whole else [database.url.render_as_string(hide_password=False)]
    done = _alone(sys.executable, "-m", "tests.store.disk_full", str(folder), *url)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert (said["code"], said["again"]) == ("disk-full", "disk-full"), said
    assert said["first"] > 2, said
    assert said["second"] > said["first"] + 2, "it goes on when there is room"
    assert said["whole_when_full"], said
    assert said["whole_after_compaction"], said
    assert said["whole_at_the_end"], said
    assert said["unfinished"] == 0, said
    assert not list(folder.iterdir()), "nobody else saw that disk"


def test_a_device_without_room_is_told() -> None:
    with pytest.raises(RingfenceError) as error, Path("/dev/full").open("wb", buffering=0) as full:
        from ringfence.store.disk import disk_errors

        with disk_errors("/dev/full"):
            full.write(b"x")
    assert error.value.code.code == "disk-full"


def test_a_place_that_can_not_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(RingfenceError) as error:
        write_whole(Path("/proc/none/file"), b"x")
    assert error.value.code.code == "output-not-writable"
