"""Every output's escaping, against the corpus of nasty strings and against anything."""

from __future__ import annotations

import csv
import io
import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.app.plant import nasty_texts

from ringfence.app import escape

TEXTS = st.one_of(st.sampled_from(nasty_texts()), st.text(st.characters(exclude_categories=()), max_size=60))


def harmless(text: str) -> bool:
    """Whether no character of the text directs, hides or can't be written."""
    directing = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI", "B", "S"}
    return all(
        unicodedata.category(each) not in ("Cc", "Cs", "Zl", "Zp") and unicodedata.bidirectional(each) not in directing
        for each in text
    )


@given(TEXTS)
def test_visible_text_directs_nothing(text: str) -> None:
    for shown in (escape.visible(text), escape.terminal_text(text), escape.log_line(text), escape.html_text(text)):
        assert harmless(shown)
        shown.encode("utf-8")


@given(TEXTS)
def test_escaping_twice_shows_the_same(text: str) -> None:
    assert escape.visible(escape.visible(text)) == escape.visible(text)


def test_honest_text_stays() -> None:
    for text in ("Pumpe Süd 3", "שלום عالم", "😀𝕏🏭", "温度計", "a b-c_d:e/f"):
        assert escape.visible(text) == text


@given(TEXTS)
def test_html_has_no_markup_left(text: str) -> None:
    shown = escape.html_text(text)
    assert not set("<>\"'") & set(shown)


@given(TEXTS)
def test_csv_cell_is_one_cell_and_no_formula(text: str) -> None:
    rows = list(csv.reader(io.StringIO(f"{escape.csv_cell(text)},x\r\n")))
    assert len(rows) == 1
    assert rows[0][1] == "x"
    assert not rows[0][0].lstrip().startswith(("=", "+", "-", "@", "|", "%", "\uff1d", "\uff0b", "\uff0d", "\uff20"))


@given(TEXTS)
def test_log_line_can_not_be_forged(text: str) -> None:
    line = escape.log_line(text)
    assert "\n" not in line
    assert "\r" not in line
    if len(text) < 100 and harmless(text) and escape.visible(text) == text:
        assert line.replace("\\\\", "\\") == text


@given(TEXTS)
def test_json_in_html_says_the_same_and_ends_nothing(text: str) -> None:
    embedded = escape.json_in_html(json.dumps([escape.valid_unicode(text)], ensure_ascii=False))
    assert not set("<>&\u2028\u2029") & set(embedded)
    assert json.loads(embedded) == [escape.valid_unicode(text)]


@given(TEXTS)
def test_valid_unicode_keeps_all_but_surrogates(text: str) -> None:
    kept = escape.valid_unicode(text)
    kept.encode("utf-8")
    assert len(kept) == len(text)


def test_long_text_says_how_much_is_missing() -> None:
    assert escape.terminal_text("A" * 1000, 10) == "AAAAAAAAAA… (990 more characters)"


@pytest.mark.parametrize("text", nasty_texts())
def test_terminal_text_is_short(text: str) -> None:
    assert len(escape.terminal_text(text, 160)) < 200
