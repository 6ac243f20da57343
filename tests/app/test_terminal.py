"""The summary on the terminal: golden text, hostile names, widths, colours."""

from __future__ import annotations

import io
import os
from dataclasses import replace
from pathlib import Path

import pytest
from tests.app.plant import nasty_plant, plant
from tests.app.test_escape import harmless

from ringfence.app.analysis import Analysis
from ringfence.app.terminal import print_summary

GOLDEN = Path(__file__).parent / "golden"


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def summary(analysis: Analysis, width: int | None = None) -> str:
    stream = io.StringIO()
    print_summary(analysis, stream, width=width)
    return stream.getvalue()


@pytest.mark.parametrize("name", ["plant", "nasty"])
def test_golden(name: str) -> None:
    text = summary(plant() if name == "plant" else nasty_plant())
    path = GOLDEN / f"{name}.txt"
    if os.environ.get("RINGFENCE_WRITE_GOLDEN"):
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8"), (
        "set RINGFENCE_WRITE_GOLDEN=1 to write it anew, then read the change"
    )


@pytest.mark.parametrize("width", [40, 80, 100, 200])
def test_hostile_names_direct_nothing_and_stay_in_the_width(width: int) -> None:
    for line in summary(nasty_plant(), width).split("\n"):
        assert harmless(line)
        assert len(line) <= width + 1


def test_quality_comes_first_and_the_promise_last() -> None:
    text = summary(plant())
    places = [text.index(each) for each in ("Capture quality", "Devices: 41", "unknown", "Risks: 7", "look next")]
    assert places == sorted(places)
    assert text.endswith("Nothing was sent to any network.\n")


def test_nothing_found_is_not_all_is_well() -> None:
    whole = plant()
    text = summary(replace(whole, findings=(), devices=(), capture=replace(whole.capture, quality=())))
    assert "Nothing wrong found with this capture." in text
    assert "not that all is well" in text
    assert "No device was seen." in text


def test_colour_only_on_terminals(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    stream = Terminal()
    print_summary(plant(), stream, width=100)
    assert "\x1b[" in stream.getvalue()
    assert "\x1b[" not in summary(plant())
    monkeypatch.setenv("NO_COLOR", "1")
    stream = Terminal()
    print_summary(plant(), stream, width=100)
    assert "\x1b[31m" not in stream.getvalue()
    assert "38;5" not in stream.getvalue()


def test_no_box_drawing() -> None:
    assert not any("\u2500" <= each <= "\u259f" for each in summary(plant()))


def test_start_up_does_not_load_rich() -> None:
    import subprocess
    import sys

    code = "import sys, ringfence.app.terminal, ringfence.app.document; print('rich' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_a_stream_that_lacks_letters_gets_escapes() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    print_summary(nasty_plant(), stream, width=100)
    stream.flush()
    assert b"Nothing was sent to any network." in raw.getvalue()
