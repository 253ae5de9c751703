"""dbkit.register_query."""

from __future__ import annotations

import pytest

from tests.cqrs.parts import ask
from tests.helpers import Connection, become, raises, row


def register(conn: Connection, **given: object) -> None:
    """A query that is fine, but for what is given."""
    arguments: dict[str, object] = {
        "p_query": "x",
        "p_handler": "shop.count",
        "p_depends_on": ["Added"],
    } | given
    named = ", ".join(f"{name} => %({name})s" for name in arguments)
    conn.execute(f"select dbkit.register_query({named})".encode(), arguments)


def test_keeps_what_it_was_given(shop: Connection) -> None:
    register(
        shop,
        p_depends_on=["B", "A", "B"],
        p_ttl_seconds=60,
        p_stream_type="cart",
        p_stream_param="cart",
        p_max_entries=5,
        p_required_role=None,
    )
    found = row(shop, "select * from dbkit.query_definitions where query = 'x'")
    assert found["handler_signature"] == "shop.count(jsonb)"
    assert (found["event_types"], found["vary"]) == (["A", "B"], "user")
    assert (found["stream_type"], found["stream_param"]) == ("cart", "cart")
    assert (found["ttl_seconds"], found["max_entries"]) == (60, 5)
    assert (found["required_role"], found["registered_by"]) == (None, "postgres")


def test_again_drops_what_is_cached(open_shop: Connection) -> None:
    ask(open_shop, "count")
    open_shop.execute("reset role")
    register(open_shop, p_query="count")
    open_shop.execute("set role authenticated")
    assert not ask(open_shop, "count")["cached"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"p_query": "With Space"},
        {"p_handler": None},
        {"p_handler": "shop.nothing"},
        {"p_handler": "shop.echo"},
        {"p_handler": "shop.add"},
        {"p_depends_on": []},
        {"p_depends_on": ["*"]},
        {"p_depends_on": [""]},
        {"p_depends_on": [None]},
        {"p_stream_type": "cart"},
        {"p_stream_param": "cart"},
        {"p_stream_type": "", "p_stream_param": "cart"},
        {"p_projections": ["nothing"]},
        {"p_ttl_seconds": -1},
        {"p_ttl_seconds": 86_401},
        {"p_max_entries": 0},
        {"p_vary": "anybody"},
        {"p_vary": "organization"},
        {"p_vary": "role"},
        {"p_required_role": "nobody_has_it"},
    ],
)
def test_refuses(shop: Connection, wrong: dict[str, object]) -> None:
    with raises(shop, "KD609"):
        register(shop, **wrong)


def test_a_shared_answer_needs_a_handler_with_a_pinned_path(shop: Connection) -> None:
    shop.execute("alter function shop.shared(jsonb) reset search_path")
    with raises(shop, "KD609") as caught:
        register(shop, p_handler="shop.shared", p_vary="organization")
    assert "SECURITY DEFINER" in caught.message


def test_needs_super_admin(shop: Connection) -> None:
    become(shop, "service_role")
    with raises(shop, "42501"):
        register(shop)
