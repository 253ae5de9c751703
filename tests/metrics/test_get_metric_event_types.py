"""dbkit.get_metric_event_types."""

from tests.helpers import Connection, become, raises, rows

TYPES = "select * from dbkit.get_metric_event_types()"


def test_clients_may_send_five_of_them(db: Connection) -> None:
    found = {f["event_type"]: f for f in rows(db, TYPES)}
    assert {name for name, f in found.items() if f["anon_may"]} == {
        *("page_view", "api_latency", "error", "user_action", "performance"),
    }
    latency = found["api_latency"]
    assert (latency["series_key"], latency["value_key"], latency["status_key"]) == (
        *("endpoint", "latency_ms", "status"),
    )


def test_is_for_operators(db: Connection) -> None:
    become(db, "anon")
    with raises(db, "42501"):
        rows(db, TYPES)
    become(db, "service_role")
    gateway = {"gateway_request", "gateway_state"}
    assert {f["event_type"] for f in rows(db, TYPES)} >= gateway
    assert len(rows(db, TYPES)) == 12
