"""DuckDB as a calculator in memory: no database file, no network, no extension, no file but what we hand it.

Rule 1: Parquet exists in clear only in anonymous memory (``memfd``): DuckDB is allowed to open ``/proc/self/fd`` and
nothing else. It can write encrypted Parquet only with a random generator that it calls unsafe itself (decision 015).
Rule 2: values reach statements as parameters; what stands in a statement are names written in this package.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from typing import BinaryIO, Protocol

import duckdb

__all__ = ["ArrowTable", "Memory", "calculator", "opened", "parquet_files", "write_parquet"]

_MEMORY = "512MB"
_THREADS = 2
_ROW_GROUP = 122_880  # rows


class ArrowTable(Protocol):
    """Anything that gives its rows by the Arrow PyCapsule interface, as the core's tables do."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """Return a capsule of an Arrow C stream."""


class Memory:
    """A file that exists in memory only and is gone when it is closed."""

    def __init__(self) -> None:
        self._descriptor = os.memfd_create("ringfence", os.MFD_CLOEXEC)

    @property
    def path(self) -> str:
        """Where this process may open it."""
        return f"/proc/self/fd/{self._descriptor}"

    @property
    def size(self) -> int:
        """Bytes."""
        return os.fstat(self._descriptor).st_size

    def fill(self, chunks: Iterable[bytes]) -> None:
        """Write all chunks to its end."""
        with open(self._descriptor, "wb", closefd=False) as file:
            for chunk in chunks:
                file.write(chunk)

    def chunks(self) -> Iterator[bytes]:
        """Yield what it holds."""
        with open(self._descriptor, "rb", closefd=False) as file:
            file.seek(0)
            while chunk := file.read(1 << 20):
                yield chunk

    def copy_to(self, out: BinaryIO) -> None:
        """Write what it holds to ``out``."""
        for chunk in self.chunks():
            out.write(chunk)

    def close(self) -> None:
        """Give its memory back."""
        os.close(self._descriptor)


def opened() -> duckdb.DuckDBPyConnection:
    """Return an empty database in memory that is locked in; whoever asked closes it."""
    connection = duckdb.connect(
        ":memory:",
        config={
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
            "allow_community_extensions": "false",
            "enable_external_file_cache": "false",  # a descriptor's number is used again for another file
            "memory_limit": _MEMORY,
            "threads": str(_THREADS),
            "temp_directory": "",
        },
    )
    try:
        connection.execute("SET allowed_directories = ['/proc/self/fd/']")
        connection.execute("SET enable_external_access = false")
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute("SET lock_configuration = true")
    except BaseException:
        connection.close()
        raise
    return connection


@contextmanager
def calculator() -> Iterator[duckdb.DuckDBPyConnection]:
    """Yield one that is closed afterwards."""
    with closing(opened()) as connection:
        yield connection


@contextmanager
def parquet_files(files: Iterable[Iterable[bytes]]) -> Iterator[list[str]]:
    """Yield paths at which DuckDB reads the plain bytes of several Parquet files."""
    held: list[Memory] = []
    try:
        for chunks in files:
            memory = Memory()
            held.append(memory)
            memory.fill(chunks)
        yield [memory.path for memory in held]
    finally:
        for memory in held:
            memory.close()


def write_parquet(connection: duckdb.DuckDBPyConnection, query: str, into: Memory) -> None:
    """Write what ``query`` answers as Parquet (zstd). ``query`` is our own text."""
    options = f"FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {_ROW_GROUP}, USE_TMP_FILE false"
    connection.execute(f"COPY ({query}) TO '{into.path}' ({options})")
