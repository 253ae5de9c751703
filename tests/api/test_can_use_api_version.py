"""Whether an app meets a version's minimum, by semver precedence."""

from hypothesis import given, settings
from hypothesis import strategies as st
from semver import Version

from tests.helpers import Connection, become, one, raises, rows

CAN = "select dbkit.can_use_api_version(%s, %s)"
small = st.integers(0, 3)
apps = st.builds(
    lambda a, b, c, pre: f"{a}.{b}.{c}{pre}",
    *(small, st.integers(0, 12), small),
    st.sampled_from(["", "-alpha", "-rc.1", "-0", "+b.1"]),
)


def test_agrees_with_the_semver_library(db: Connection) -> None:
    minima = {
        f["version"]: f["min_app_version"] for f in rows(db, "select * from dbkit.api_versions")
    }

    @settings(max_examples=150, deadline=None)
    @given(app=apps, version=st.sampled_from(sorted(minima)))
    def check(app: str, version: str) -> None:
        expected = Version.parse(app) >= Version.parse(minima[version])
        assert one(db, CAN, app, version) is expected

    check()


def test_a_pre_release_is_older_than_its_release(db: Connection) -> None:
    become(db, "anon")
    assert one(db, CAN, "1.4.0-rc.1", "v3") is False
    assert one(db, CAN, "1.4.0", "v3") is True


def test_never_a_sunset_version(db: Connection) -> None:
    db.execute("select dbkit.sunset_api_version('v3')")
    assert one(db, CAN, "9.0.0", "v3") is False


def test_bad_arguments(db: Connection) -> None:
    with raises(db, "KD002"):
        one(db, CAN, "1", "v1")
    with raises(db, "KD102"):
        one(db, CAN, "1.0.0", "v9")
    assert one(db, CAN, None, "v1") is False
