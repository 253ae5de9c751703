"""Order of versions: semver.org 2.0.0, paragraph 11, against the `semver` library."""

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from semver import Version

from tests.helpers import Connection, connect, one, raises, rows

numbers = st.integers(min_value=0, max_value=10**12)
alphabet = "0123456789abzABZ-"
words = st.text(alphabet, min_size=1, max_size=6).filter(
    lambda w: not (w.isdigit() and len(w) > 1 and w[0] == "0")
)
versions = st.builds(
    lambda core, pre: ".".join(map(str, core)) + ("-" + ".".join(pre) if pre else ""),
    st.tuples(numbers, numbers, numbers),
    st.lists(words, max_size=3),
)


def test_orders_the_specification_example(db: Connection) -> None:
    written = "1.0.0-alpha 1.0.0-alpha.1 1.0.0-alpha.beta 1.0.0-beta 1.0.0-beta.2 1.0.0-beta.11"
    expected = [*written.split(), "1.0.0-rc.1", "1.0.0", "1.2.0", "1.10.0", "10.0.0"]
    found = rows(
        db, 'select v from unnest(%s::text[]) v order by dbkit.semver_key(v) collate "C"', expected
    )
    assert [r["v"] for r in found] == expected


@pytest.fixture(scope="module")
def session(shared_database: str) -> Iterator[Connection]:
    with connect(shared_database, autocommit=True) as conn:
        yield conn


@settings(max_examples=300, deadline=None)
@given(pair=st.tuples(versions, versions))
def test_agrees_with_the_semver_library(session: Connection, pair: tuple[str, str]) -> None:
    found = rows(session, "select dbkit.semver_key(v) as k from unnest(%s::text[]) v", list(pair))
    keys = [r["k"].encode() for r in found]
    left, right = (Version.parse(v) for v in pair)
    assert (keys[0] < keys[1]) == (left < right)
    assert (keys[0] == keys[1]) == (left == right)


def test_ignores_build_metadata(db: Connection) -> None:
    assert one(db, "select dbkit.semver_key('1.4.0+build.7') = dbkit.semver_key('1.4.0')")


@pytest.mark.parametrize(
    "bad",
    [
        "",
        "1",
        "1.4",
        "v1.4.0",
        "1.4.0.0",
        "01.4.0",
        "1.4.0-",
        "1.4.0-01",
        "1.4.0\n",
        "1.٤.0",
        "1.4.0+",
        "1.4.0+.",
        "1.4.0+a..b",
    ],
)
def test_refuses_what_is_no_version(db: Connection, bad: str) -> None:
    with raises(db, "KD002") as caught:
        one(db, "select dbkit.semver_key(%s)", bad)
    assert caught.detail == {"version": bad}
