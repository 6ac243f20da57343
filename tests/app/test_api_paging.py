"""Cursors: only what was sealed for a list opens there; any other text is refused with its code."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfence.app.api.paging import Cursors
from ringfence.model.errors import RingfenceError

CURSORS = Cursors(bytes(32))


@given(st.text(), st.lists(st.text(), max_size=4))
def test_what_was_sealed_opens(position: str, what: list[str]) -> None:
    sealed = CURSORS.seal(position, *what)
    assert sealed is not None
    assert sealed.isascii()
    assert CURSORS.open(sealed, *what) == position


@given(st.text(max_size=40), st.data())
def test_one_altered_letter_is_refused(position: str, data: st.DataObject) -> None:
    sealed = CURSORS.seal(position, "devices", "class:plc", "name")
    assert sealed is not None
    at = data.draw(st.integers(0, len(sealed) - 1))
    letter = data.draw(st.sampled_from("ABCxyz019-_ é\ud800"))
    altered = sealed[:at] + letter + sealed[at + 1 :]
    try:
        opened = CURSORS.open(altered, "devices", "class:plc", "name")
    except RingfenceError as error:
        assert error.code.code == "cursor-invalid"
    else:
        assert opened == position, "the unused bits of the last letter say nothing"


@pytest.mark.parametrize(
    "what",
    [(), ("devices",), ("devices", "name"), ("findings", "q", "name"), ("devices", "", "qname"), ("devicesq", "name")],
)
def test_a_cursor_of_another_list_query_or_order_is_refused(what: tuple[str, ...]) -> None:
    sealed = CURSORS.seal("5", "devices", "q", "name")
    with pytest.raises(RingfenceError):
        CURSORS.open(sealed, *what)


def test_a_cursor_of_another_installation_is_refused() -> None:
    with pytest.raises(RingfenceError):
        Cursors(bytes(31) + b"\1").open(CURSORS.seal("5", "devices"), "devices")


@given(st.text(max_size=60))
def test_any_text_is_refused(text: str) -> None:
    with pytest.raises(RingfenceError):
        CURSORS.open(text, "devices")


def test_a_long_text_is_refused_unread_and_the_end_has_no_cursor() -> None:
    with pytest.raises(RingfenceError):
        CURSORS.open("A" * 5_000, "devices")
    assert CURSORS.seal(None, "devices") is None
    assert CURSORS.open(None, "devices") is None
