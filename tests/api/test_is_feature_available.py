"""Whether an API version has a feature at all."""

from tests.helpers import Connection, become, one, raises

HAS = "select dbkit.is_feature_available(%s, %s)"


def test_from_its_version_on(db: Connection) -> None:
    db.execute("select dbkit.set_feature_flag('dark_mode', 'v2', true, '9.0.0', '{ios}', 0)")
    become(db, "anon")
    assert [one(db, HAS, "dark_mode", v) for v in ("v1", "v2", "v3")] == [False, True, True]


def test_never_when_off_or_unknown(db: Connection) -> None:
    db.execute("select dbkit.set_feature_flag('dark_mode', 'v1', false)")
    assert one(db, HAS, "dark_mode", "v3") is False
    assert one(db, HAS, "nothing", "v3") is False
    assert one(db, HAS, None, "v3") is False


def test_unknown_version(db: Connection) -> None:
    with raises(db, "KD102"):
        one(db, HAS, "dark_mode", "v9")
