"""Who works where; and that a profile row is no database right."""

import pytest

from tests.helpers import Connection, become, one, raises, rows
from tests.orders.people import Orders
from tests.orders.shop import Shop


@pytest.mark.parametrize("user", ["sam", "boss", "alice"])
def test_users_read_their_own(db: Connection, shop: Shop, user: str) -> None:
    become(db, "authenticated", user_id=user)
    assert [r["user_id"] for r in rows(db, "select user_id from dbkit.user_profiles")] == [user]


def test_anonymous_callers_read_none(db: Connection, shop: Shop) -> None:
    become(db, "anon", user_id="sam")
    with raises(db, "42501"):
        one(db, "select count(*) from dbkit.user_profiles")


def test_a_super_admin_row_grants_nothing(db: Connection, orders: Orders, shop: Shop) -> None:
    db.execute(
        "insert into dbkit.user_profiles (organization_id, user_id, store_id, role)"
        " values ('smoke', 'boss', %s, 'super_admin')",
        [shop.stores["grill"]],
    )
    become(db, "authenticated", user_id="boss")
    assert one(db, "select count(*) from dbkit.orders") == 0
    assert one(db, "select dbkit.is_super_admin()") is False
    with raises(db, "42501"):
        db.execute("update dbkit.user_profiles set role = 'admin'")


@pytest.mark.parametrize("role", ["staff", "manager", "admin"])
def test_who_works_somewhere_has_a_store(db: Connection, role: str) -> None:
    with raises(db, "23514"):
        db.execute("insert into dbkit.user_profiles (user_id, role) values ('x', %s)", [role])


def test_a_store_belongs_to_the_organization_of_the_row(db: Connection, shop: Shop) -> None:
    with raises(db, "23503"):
        db.execute(
            "insert into dbkit.user_profiles (organization_id, user_id, store_id, role)"
            " values ('smoke', 'x', %s, 'staff')",
            [shop.stores["noodles"]],
        )


def test_one_row_for_a_user_and_store(db: Connection, shop: Shop) -> None:
    with raises(db, "23505"):
        db.execute("insert into dbkit.user_profiles (user_id, role) values ('boss', 'customer')")


def test_a_dismissed_worker_sees_nothing_from_then_on(db: Connection, orders: Orders) -> None:
    become(db, "authenticated", user_id="sam")
    assert one(db, "select count(*) from dbkit.orders") == 3
    become(db, "service_role")
    db.execute("delete from dbkit.user_profiles where user_id = 'sam'")
    become(db, "authenticated", user_id="sam")
    assert one(db, "select count(*) from dbkit.orders") == 0
