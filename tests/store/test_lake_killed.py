"""The lake under kills: a writer is ended by SIGKILL again and again, wherever it is."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from sqlalchemy import select
from tests.store.lake_writer import ROWS

from ringfence.store.database import Database
from ringfence.store.keys import Keys
from ringfence.store.lake import Lake
from ringfence.store.lake_read import FlowFilter, count, flows
from ringfence.store.schema.operation import batch
from ringfence.store.schema.traffic import lake_file

KILLS = 50 if os.environ.get("RINGFENCE_SOAK") else 20
ALWAYS = FlowFilter(0, 2**62)


@pytest.mark.slow
def test_kills_lose_nothing_acknowledged_and_double_nothing(database: Database, tmp_path: Path) -> None:
    seed = int.from_bytes(os.urandom(4), "big")
    chance = random.Random(seed)  # noqa: S311 It chooses moments, no secrets.
    lake = Lake(database, tmp_path, Keys(bytes(32), time.time_ns), time.time_ns)
    url = database.url.render_as_string(hide_password=False)
    command = [sys.executable, "-m", "tests.store.lake_writer", url, str(tmp_path)]
    acknowledged: set[int] = set()
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1) as forker:
        assert forker.stdin is not None
        assert forker.stdout is not None
        for _ in range(KILLS):
            forker.stdin.write("go\n")
            forker.stdin.flush()
            writer, patience = 0, chance.randint(0, 8)  # batches that it may store first
            while (line := forker.stdout.readline()) != "gone\n":
                word, number = line.split()
                if word == "writer":
                    writer = int(number)
                else:
                    acknowledged.add(int(number))
                    patience -= 1
                if writer and patience <= 0:
                    time.sleep(chance.uniform(0, 0.12))
                    os.kill(writer, signal.SIGKILL)
                    writer = 0
            check(lake, acknowledged, seed)
        forker.stdin.close()
    assert len(acknowledged) > KILLS, "the writers came to store something"
    assert lake.sweep() >= 0
    named = set(lake.folder.rglob("*.sealed"))
    with database.reading() as connection:
        assert named == {lake.folder / path for path in connection.execute(select(lake_file.c.path)).scalars()}


def check(lake: Lake, acknowledged: set[int], seed: int) -> None:
    """Every batch that the store knows is in the lake once, whole; every acknowledged one is known."""
    with lake.database.reading() as connection:
        known = {int(name[1:]) for name in connection.execute(select(batch.c.id)).scalars()}
    assert acknowledged <= known, f"seed {seed}: acknowledged and lost: {sorted(acknowledged - known)}"
    found = [row.flow_id for row in flows(lake, ALWAYS, limit=1_000_000)]
    assert len(found) == len(set(found)) == count(lake, ALWAYS), f"seed {seed}: doubled"
    assert set(found) == {number * ROWS + index for number in known for index in range(ROWS)}, f"seed {seed}"
