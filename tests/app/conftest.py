"""A browser for the report's tests: offline, with a profile of its own. Without one they are skipped, but not in CI."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")


def missing(reason: str) -> None:
    """Skip with the reason, or fail where everything must run."""
    if os.environ.get("CI"):
        pytest.fail(f"{reason}; in CI this must not be missing")
    pytest.skip(reason)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium, started by Playwright with a fresh profile."""
    if not CHROMIUM:
        missing("no chromium on this machine (Debian package chromium)")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        missing("playwright is not installed")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield started
        started.close()


@pytest.fixture(scope="session")
def screenshots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where screenshots go: RINGFENCE_SCREENSHOTS, or a temporary folder."""
    folder = Path(os.environ.get("RINGFENCE_SCREENSHOTS") or tmp_path_factory.mktemp("screenshots"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder
