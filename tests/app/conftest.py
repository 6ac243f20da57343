"""A browser for the tests of report and screens: offline, with a profile of its own. Skipped without one, not in CI."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser
    from tests.app.screen import Opener, Screen
    from tests.app.web_server import Served

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


@pytest.fixture(scope="session")
def installations(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Served]]:
    """Serve each installation once for all tests that only look."""
    from tests.app.screen import FILLS
    from tests.app.web_server import serving

    running: dict[str, tuple[Any, Served]] = {}

    def serve(name: str) -> Served:
        if name not in running:
            context = serving(tmp_path_factory.mktemp(name), FILLS[name])
            running[name] = (context, context.__enter__())
        return running[name][1]

    yield serve
    for context, _ in running.values():
        context.__exit__(None, None, None)


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Served]:
    """A made plant that a test may change."""
    from tests.app.web_server import made, serving

    with serving(tmp_path, made) as served:
        yield served


@pytest.fixture
def opened(browser: Browser, installations: Callable[[str], Served]) -> Iterator[Opener]:
    """Open a browser; whatever the test did, at its end nothing may have gone wrong."""
    from tests.app.screen import SIZES, WATCH, Screen

    screens: list[Screen] = []

    def open_screen(
        name: str = "plant", size: str = "wide", who: str = "ada", served: Served | None = None, **options: Any
    ) -> Screen:
        width, height = SIZES[size]
        served = served or installations(name)
        context = browser.new_context(viewport={"width": width, "height": height}, **options)
        context.add_cookies([{"name": served.cookie_name, "value": served.cookies[who], "url": served.origin}])
        context.add_init_script(WATCH)
        screen = Screen(context.new_page(), served)
        screens.append(screen)
        return screen

    yield open_screen
    for screen in screens:
        screen.check()
        screen.page.context.close()
