"""Stores batches on a disk of two megabytes until it is full, makes room, and goes on; prints what happened as JSON.

usage: unshare --mount python -m tests.store.disk_full FOLDER [URL]

Without a URL the database (SQLite) is on that disk too. It runs in a mount namespace of its own: nobody else sees the
disk, and it is gone when this ends.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from sqlalchemy import select
from tests.store.lake_rows import MORNING, SECOND, flow, flow_table

from ringfence.model.errors import RingfenceError
from ringfence.store.database import Database
from ringfence.store.keys import Keys
from ringfence.store.lake import Lake
from ringfence.store.lake_compact import compact
from ringfence.store.lake_read import FlowFilter, count, flows
from ringfence.store.migrate import upgrade
from ringfence.store.schema.operation import batch

ROWS = 200
ALWAYS = FlowFilter(0, 2**62)


def store(lake: Lake, number: int) -> None:
    """One batch, as the pipeline does it; its flows are of random ids, so that they take room."""
    made = [
        flow(number * ROWS + index, MORNING + number * SECOND, community_id=os.urandom(60).hex())
        for index in range(ROWS)
    ]
    with lake.database.writing() as connection:
        row = {"id": f"b{number}", "sensor": "s", "epoch": "e", "window": number, "received": 0, "packets": 0}
        connection.execute(batch.insert().values(row))
        lake.write(connection, f"b{number}", "flows.v1", flow_table(made))


def fill(lake: Lake, number: int) -> tuple[int, str]:
    """Store until it is refused; answers the number that was refused, and the code."""
    while True:
        try:
            store(lake, number)
        except RingfenceError as error:
            return number, error.code.code
        number += 1


def stored(lake: Lake, acknowledged: int) -> bool:
    """Whether exactly what was acknowledged is there, once."""
    with lake.database.reading() as connection:
        known = set(connection.execute(select(batch.c.id)).scalars())
    found = [row.flow_id for row in flows(lake, ALWAYS, limit=1_000_000)]
    return (
        known == {f"b{number}" for number in range(acknowledged)}
        and sorted(found) == list(range(acknowledged * ROWS))
        and count(lake, ALWAYS) == len(found)
    )


def main() -> None:
    """Fill the disk twice."""
    folder = Path(sys.argv[1])
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m,mode=700", "tmpfs", str(folder)], check=True)
    filler = folder / "filler"
    database = Database(sys.argv[2] if len(sys.argv) > 2 else f"sqlite:///{folder / 'store.db'}")
    if len(sys.argv) <= 2:
        upgrade(database)
    filler.write_bytes(bytes(600_000))
    lake = Lake(database, folder, Keys(bytes(32), lambda: 0), lambda: 0)
    first, code = fill(lake, 0)
    said: dict[str, object] = {"first": first, "code": code, "whole_when_full": stored(lake, first)}
    try:
        compact(lake, at_least=2)
        said["compaction"] = "done"
    except RingfenceError as error:
        said["compaction"] = error.code.code
    said["whole_after_compaction"] = stored(lake, first)
    filler.unlink()
    said["left_over"] = lake.sweep()
    second, again = fill(lake, first)
    said |= {"second": second, "again": again, "whole_at_the_end": stored(lake, second)}
    lake.sweep()
    said["unfinished"] = len([path for path in folder.rglob("*.part") if path.is_file()])
    database.close()
    print(json.dumps(said))  # noqa: T201 It tells the test.


if __name__ == "__main__":
    main()
