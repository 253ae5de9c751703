"""S0's region-routing suite: what every answer tells, who asks, versions, errors, old shapes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from tests.gateway.serving import Serving, serving
from tests.helpers import connect, one
from tests.orders.shop import Shop, build_shop

REGION = "eu-west-1"
HEADERS = {
    "X-App-Version": "1.4.2",
    "X-App-Name": "web",
    "X-Client-Region": "us-east-1",
    "X-Client-Id": "web_123456",
}


@pytest.fixture(scope="module")
def restaurant(shop: str) -> Shop:
    with connect(shop) as conn:
        made = build_shop(conn)
        conn.commit()
    return made


@pytest.fixture(scope="module")
def routed(gateway_url: str, restaurant: Shop) -> Iterator[Serving]:
    with serving(gateway_url, region=REGION) as running:
        yield running


def ask(gateway: Serving, rpc: str, payload: Any = None, **more: str) -> httpx2.Response:
    """As S0's clients ask: the call in the body, who asks in headers."""
    body = {"rpc": rpc, "payload": payload or {}}
    headers = HEADERS | {k.replace("_", "-"): v for k, v in more.items()}
    return gateway.client.post("/api", json=body, headers=headers)


@pytest.mark.parametrize("version", ["v1", "v3"])
def test_an_answer_tells_what_served_it(routed: Serving, version: str) -> None:
    answer = ask(routed, "get_menu_items", X_Api_Version=version)
    meta = answer.json()["meta"]
    assert (answer.status_code, answer.headers["x-api-version"]) == (200, version)
    assert (meta["rpc"], meta["version"], meta["region"]) == ("get_menu_items", version, REGION)
    assert meta["executionTime"] > 0
    assert meta["requestId"].startswith("req_")
    assert meta["requestId"] == answer.headers["x-request-id"]


def test_each_request_has_an_id_of_its_own_or_the_clients(routed: Serving) -> None:
    ids = {ask(routed, "whoami").headers["x-request-id"] for _ in range(20)}
    assert len(ids) == 20
    assert ask(routed, "whoami", X_Request_Id="abc-1").headers["x-request-id"] == "abc-1"


def test_the_clients_region_is_not_the_gateways(routed: Serving) -> None:
    body = ask(routed, "whoami", X_Api_Version="v3").json()
    assert (body["data"]["region"], body["meta"]["region"]) == ("us-east-1", REGION)
    told = {name: body["data"][name] for name in ("app_name", "app_version", "client_id")}
    assert told == {"app_name": "web", "app_version": "1.4.2", "client_id": "web_123456"}


def test_writes_are_done_and_reads_cannot_write(
    routed: Serving, shop: str, restaurant: Shop
) -> None:
    order = restaurant.order(restaurant.line("soda"), source_region="us-east-1")
    placed = ask(routed, "place_order", order, X_Api_Version="v3").json()
    with connect(shop) as conn:
        query = "select source_region from dbkit.orders where id = %s"
        assert one(conn, query, placed["data"]["order_id"]) == "us-east-1"
    assert routed.get("whoami").json()["data"]["read_only"] == "on"
    assert routed.get("add_note", {"note": "x"}).status_code == 405


@pytest.mark.parametrize(
    ("app", "asked", "served"),
    [
        ("1.0.3", None, "v1"),
        ("1.0.3", "v3", "v1"),
        ("1.2.0", "v2", "v2"),
        ("1.2.0", "v3", "v2"),
        ("1.4.2", "v1", "v1"),
        ("1.4.2", "v2", "v2"),
        ("1.4.2", "v3", "v3"),
    ],
)
def test_an_app_gets_the_newest_version_that_it_can_use(
    routed: Serving, app: str, asked: str | None, served: str
) -> None:
    named = {} if asked is None else {"X_Api_Version": asked}
    answer = ask(routed, "get_menu_items", X_App_Version=app, **named)
    assert answer.json()["meta"]["version"] == served
    assert answer.headers["x-api-version"] == served


def test_shapes_of_old_versions_stay(routed: Serving) -> None:
    """v1 is a flat list, v2 and v3 have categories; v3 adds to v2 and takes nothing away."""
    old, middle, new = (
        ask(routed, "get_menu_items", X_Api_Version=version).json()["data"]
        for version in ("v1", "v2", "v3")
    )
    assert {"id", "name", "price", "category"} <= set(old[0])
    items = [data["categories"][0]["items"][0] for data in (middle, new)]
    assert set(items[0]) <= set(items[1])
    assert set(items[1]) - set(items[0]) == {"customizations"}


@pytest.mark.parametrize(
    ("rpc", "more", "status", "code"),
    [
        ("no_such_call", {}, 404, "UNKNOWN_CALL"),
        ("get_menu_items", {"X_Api_Version": "v9"}, 400, "UNKNOWN_VERSION"),
        ("get_menu_items", {"X_App_Version": "0.9.0"}, 426, "CLIENT_TOO_OLD"),
        ("place_order", {"X_Api_Version": "v3"}, 422, "INVALID_PAYLOAD"),
    ],
)
def test_an_error_is_told_and_the_next_request_works(
    routed: Serving, rpc: str, more: dict[str, str], status: int, code: str
) -> None:
    answer = ask(routed, rpc, **more)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert answer.json()["meta"]["requestId"] == answer.headers["x-request-id"]
    assert ask(routed, "get_menu_items").status_code == 200


def test_without_a_payload_or_headers(routed: Serving) -> None:
    assert routed.client.post("/api", json={"rpc": "get_menu_items"}).status_code == 200
    wrongs: list[Any] = [{}, {"rpc": 7}, {"payload": {}}, []]
    for wrong in wrongs:
        assert 400 <= routed.client.post("/api", json=wrong).status_code < 500
