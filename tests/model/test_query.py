"""The query language: what is written is read, and any text ends in a query or in an error with its place."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfence.model.errors import RingfenceError
from ringfence.model.query import MAX_LENGTH, MAX_TERMS, MAX_VALUES, Query, Term, parse, render

values = st.text(min_size=1, max_size=20)
fields = st.from_regex(r"[a-z][a-z_]{0,10}", fullmatch=True)
operators = st.sampled_from((":", "<", ">", "<=", ">="))
terms = st.one_of(
    st.builds(lambda value, negated: Term(None, ":", (value,), negated), values, st.booleans()),
    st.builds(
        lambda field, operator, several, negated: Term(field, operator, tuple(several), negated),
        fields,
        operators,
        st.lists(values, min_size=1, max_size=4),
        st.booleans(),
    ),
)


def plain(query: Query) -> list[tuple[str | None, str, tuple[str, ...], bool]]:
    return [(term.field, term.operator, term.values, term.negated) for term in query.terms]


@given(st.lists(terms, max_size=8))
def test_what_is_written_is_read(several: list[Term]) -> None:
    query = Query(tuple(several))
    assert plain(parse(render(query))) == plain(query)


@given(st.text(max_size=120))
def test_any_text_ends_in_a_query_or_an_error(text: str) -> None:
    ends_well(text)


def ends_well(text: str) -> None:
    try:
        query = parse(text)
    except RingfenceError as error:
        assert error.code.code == "query"
        assert "at letter" in error.detail
    else:
        assert plain(parse(render(query))) == plain(query)


@given(st.text(alphabet='ab:-,"<>=\\ \t', max_size=60))
def test_its_own_letters_in_any_order(text: str) -> None:
    ends_well(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("  ", []),
        ("plc", [(None, ":", ("plc",), False)]),
        ("-plc", [(None, ":", ("plc",), True)]),
        ("class:plc,hmi", [("class", ":", ("plc", "hmi"), False)]),
        ('-zone:"Cell 3",x', [("zone", ":", ("Cell 3", "x"), True)]),
        ("seen<7d", [("seen", "<", ("7d",), False)]),
        ("worst>=high", [("worst", ">=", ("high",), False)]),
        ("vendor:-", [("vendor", ":", ("-",), False)]),
        ("vendor:*", [("vendor", ":", ("*",), False)]),
        ('"a \\"b\\" \\\\"', [(None, ":", ('a "b" \\',), False)]),
        ("aa:bb:cc:dd:ee:ff", [(None, ":", ("aa:bb:cc:dd:ee:ff",), False)]),
        ("mac:aa:bb:cc:dd:ee:ff", [("mac", ":", ("aa:bb:cc:dd:ee:ff",), False)]),
        ("fe80::1", [(None, ":", ("fe80::1",), False)]),
        ("dead::beef", [(None, ":", ("dead::beef",), False)]),
        ("10.0.0.1:502", [(None, ":", ("10.0.0.1:502",), False)]),
        ("ip:10.0.0.0/8 -x", [("ip", ":", ("10.0.0.0/8",), False), (None, ":", ("x",), True)]),
    ],
)
def test_examples(text: str, expected: object) -> None:
    assert plain(parse(text)) == expected


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("-", 1),
        ("a - b", 3),
        ("class:", 7),
        ("class:a,", 9),
        ('x "open', 3),
        ('""', 1),
        ('"a"b', 4),
        ("class:" + "a," * MAX_VALUES + "a", 1),
        ("a " * MAX_TERMS + "a", 2 * MAX_TERMS + 1),
        ("a" * (MAX_LENGTH + 1), MAX_LENGTH + 1),
    ],
)
def test_errors_name_the_place(text: str, place: int) -> None:
    with pytest.raises(RingfenceError) as raised:
        parse(text)
    assert raised.value.code.code == "query"
    assert f"at letter {place})" in raised.value.detail


def test_time_grows_with_length_only() -> None:
    for nasty in ('"' + "\\" * (MAX_LENGTH - 2), "-" * MAX_LENGTH, "a:" * (MAX_LENGTH // 2), ":" * MAX_LENGTH):
        start = time.process_time()
        for _ in range(20):
            try:
                parse(nasty)
            except RingfenceError:
                continue
        assert time.process_time() - start < 1
