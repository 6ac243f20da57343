"""What the fast loop leaves out: tests that start servers, databases or browsers, or that walk whole tables.

They are marked here by file, so that a new test of the same kind is left out without a word; `make test` runs them all.
"""

from __future__ import annotations

from pathlib import Path

import pytest

TESTS = Path(__file__).parent
SLOW = (
    *("store/", "app/test_access", "app/test_api", "app/test_backup", "app/test_capture", "app/test_client_served"),
    *("app/test_ingest", "app/test_killed", "app/test_metrics", "app/test_oidc", "app/test_support", "app/test_up"),
    *("app/test_upgrade", "app/test_web", "app/test_compress", "app/test_database_gone", "app/test_disk_full"),
    *("app/test_children", "app/test_troubles", "sensor/test_live"),
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark them."""
    for item in items:
        if item.path.is_relative_to(TESTS) and item.path.relative_to(TESTS).as_posix().startswith(SLOW):
            item.add_marker(pytest.mark.slow)
