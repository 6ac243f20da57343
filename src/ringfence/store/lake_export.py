"""The lake as plain Parquet for other programs: Spark, Trino, ClickHouse, DuckDB, a notebook.

The files lie as ``DATASET/day=YYYY-MM-DD/NAME.parquet``, the partitioning that those programs call Hive's. They are not
encrypted: whoever exports answers for the folder.
"""

from __future__ import annotations

from pathlib import Path

from ringfence.store.disk import appearing
from ringfence.store.lake import PURPOSE, Lake
from ringfence.store.lake_read import unsealed

__all__ = ["export"]


def export(lake: Lake, folder: Path, first: int | None = None, last: int | None = None) -> int:
    """Write every file that holds rows of a range (ns since 1970); answers how many. Known files are not written again.

    Raises:
        RingfenceError: ``disk-full``, ``output-not-writable``, ``sealed-damaged``.
    """
    written = 0
    with lake.kept():
        with lake.database.reading() as connection:
            keys = lake.keys.find_all(connection, PURPOSE)
            names = ("flows.v1", "transactions.v1", "talkers.v1")
            files = [file for name in names for file in lake.manifest(connection, name, first, last)]
        for file in files:
            target = folder / file.dataset / f"day={file.period}" / f"{file.id}.parquet"
            if file.period in keys and not target.exists():
                with appearing(target) as out:
                    for chunk in unsealed(lake, file, keys[file.period]):
                        out.write(chunk)
                written += 1
    return written
