"""A child of ``test_children``: says what it was told to say, then leaves as it was told, or stays.

usage: python -m tests.app.child_program FOLDER CODE [LINE...]

With CODE ``stay`` it stays. It writes its process id into FOLDER.
"""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path

from ringfence.app.daemons.children import until_parent_goes


def main() -> int:
    folder, code, *lines = sys.argv[1:]
    (Path(folder) / f"pid-{os.getpid()}").touch()
    for line in lines:
        sys.stdout.write(line + "\n")
    sys.stdout.flush()
    if code != "stay":
        return int(code)
    gone = threading.Event()
    until_parent_goes(gone.set)
    gone.wait()
    (Path(folder) / "ended well").touch()
    return 0


if __name__ == "__main__":
    sys.exit(main())
