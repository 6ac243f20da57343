"""A process that stores batches without end and says which were acknowledged, made to be killed anywhere.

It forks a writer for each line on its input (so that libraries are loaded once), tells the writer's process id on its
output, and waits until that writer is gone. A writer first puts its house in order, then stores and compacts.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from sqlalchemy import select
from tests.store.lake_rows import MORNING, SECOND, flow, flow_table

from ringfence.store.database import Database
from ringfence.store.keys import Keys
from ringfence.store.lake import Lake
from ringfence.store.lake_compact import compact
from ringfence.store.schema.operation import batch

ROWS = 50  # of a batch


def write(url: str, folder: Path) -> None:
    """Store batches until killed; each acknowledged one is a line."""
    database = Database(url)
    lake = Lake(database, folder, Keys(bytes(32), time.time_ns), time.time_ns)
    with lake.alone():
        lake.sweep()
        with database.reading() as connection:
            number = len(connection.execute(select(batch.c.id)).all())
        # The last batch may have been stored without its acknowledgement coming out: it is sent again.
        number = max(number - 1, 0)
        while True:
            store(lake, number)
            os.write(1, b"stored %d\n" % number)
            number += 1
            if number % 6 == 0:
                compact(lake, at_least=4)


def store(lake: Lake, number: int) -> None:
    """Store one batch as the pipeline does: its id and its rows in one transaction."""
    start = MORNING + number * SECOND
    rows = [flow(number * ROWS + index, start + index) for index in range(ROWS)]
    with lake.database.writing() as connection:
        if connection.execute(select(batch.c.id).where(batch.c.id == f"b{number}")).first() is None:
            row = {"id": f"b{number}", "sensor": "s", "epoch": "e", "window": number, "received": 0, "packets": 0}
            connection.execute(batch.insert().values(row))
            lake.write(connection, f"b{number}", "flows.v1", flow_table(rows))


def main() -> None:
    """Fork a writer for each line."""
    for _ in sys.stdin:
        child = os.fork()
        if child == 0:
            write(sys.argv[1], Path(sys.argv[2]))
        os.write(1, b"writer %d\n" % child)
        os.waitpid(child, 0)
        os.write(1, b"gone\n")


if __name__ == "__main__":
    main()
