"""Clients of the gateway never notice: switches, bursts, and gateways that are replaced under load,
with no failed request and every answer of the version that this client had to get.

The control kills a process under the same load, and the same counter does see failures.
"""

from __future__ import annotations

import os
import signal
import threading
from collections import Counter
from contextlib import ExitStack

import httpx2
import pytest

from tests.gateway.http_traffic import SECRET, HttpTraffic, RoundRobin
from tests.gateway.processes import Served, served
from tests.gateway.serving import serving, within
from tests.helpers import connect, one
from tests.orders.shop import Shop, build_shop
from tests.proof.apps import order, reads
from tests.proof.traffic import Operator, Request, not_allowed, switching

SWITCHES = 60
UNNAMED = Request("get_menu_items", None, None)
BURST = 16
DRAIN = "0.6"


@pytest.fixture
def restaurant(database: str) -> Shop:
    with connect(database) as conn:
        made = build_shop(conn)
        conn.commit()
    return made


def apps(shop: Shop) -> list[list[Request]]:
    """S0's three generations, and one client that says nothing of itself."""
    return [
        [Request("get_menu_items", "1.0.3", None), order(shop, "v1", "1.0.3", None, None)],
        [*reads("1.2.0"), order(shop, "v2", "1.2.0", "v2", "alice"), *reads("1.2.0", "v3")],
        [*reads("1.4.2"), order(shop, "v3", "1.4.2", "v3", None), *basics("1.4.2", "v1")],
        [*reads(None), *reads("1.4.2", "v3")],
    ]


def basics(app: str, asked: str) -> list[Request]:
    return [Request(call, app, asked) for call in ("get_menu_items", "check_compatibility")]


def assert_nothing_was_noticed(traffic: HttpTraffic, operator: Operator) -> None:
    assert traffic.failures == []
    assert not_allowed(traffic.answers, operator.switches) == []
    wrote = sum(a.request.call == "place_order" for a in traffic.answers)
    with connect(traffic.url) as conn:
        assert one(conn, "select count(*) from dbkit.orders") == wrote > 0
    served_by_app = {(a.request.app, a.span.version) for a in traffic.answers}
    assert {("1.0.3", "v1"), ("1.2.0", "v2"), ("1.4.2", "v3")} <= served_by_app
    assert not {("1.0.3", "v2"), ("1.0.3", "v3"), ("1.2.0", "v3")} & served_by_app


def menu_shapes(traffic: HttpTraffic) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for answer in traffic.answers:
        if answer.request.call == "get_menu_items":
            found.setdefault(answer.span.version, set()).add(answer.note)
    return found


def test_switches_under_sustained_load_fail_no_request(database: str, restaurant: Shop) -> None:
    traffic, operator = HttpTraffic(database), Operator(database)
    operator.start()
    with (
        serving(database, jwt_secret=SECRET) as gateway,
        traffic.calling(lambda: gateway.url, apps(restaurant)),
        operator.connected() as conn,
    ):
        for number in range(SWITCHES):
            operator.switch(conn, ("v3", "v2")[number % 2])
            traffic.more(6)
    assert_nothing_was_noticed(traffic, operator)
    # Each version keeps its shape, whichever is the active one.
    assert menu_shapes(traffic) == {"v1": {"list"}, "v2": {"categories"}, "v3": {"categories"}}
    unnamed = {a.span.version for a in traffic.answers if a.request == UNNAMED}
    assert unnamed == {"v2", "v3"}


def test_a_burst_of_all_generations_fails_no_request(database: str, restaurant: Shop) -> None:
    """Many new connections at once, more than the pool has, and a switch in the middle."""
    traffic, operator = HttpTraffic(database), Operator(database)
    operator.start()
    scripts = apps(restaurant)
    barrier = threading.Barrier(BURST + 1)

    def client(number: int, base: str) -> None:
        with httpx2.Client(timeout=30) as own:
            barrier.wait(30)
            for turn in range(8):
                script = scripts[(number + turn) % len(scripts)]
                traffic.call(f"http {number}", own, base, script[turn % len(script)], turn)

    with serving(database, jwt_secret=SECRET, pool=4) as gateway, operator.connected() as conn:
        threads = [
            threading.Thread(target=client, args=(n, gateway.url), daemon=True)
            for n in range(BURST)
        ]
        for thread in threads:
            thread.start()
        barrier.wait(30)
        operator.switch(conn, "v3")
        operator.switch(conn, "v2")
        for thread in threads:
            thread.join(60)
    assert traffic.failures == []
    assert len(traffic.answers) == BURST * 8
    assert not_allowed(traffic.answers, operator.switches) == []


def test_processes_that_are_replaced_under_load_fail_no_request(
    database: str, restaurant: Shop
) -> None:
    """SIGHUP, while the version goes back and forth."""
    traffic, operator = HttpTraffic(database), Operator(database)
    operator.start()
    with (
        served(database, "--workers", "2", "--drain", DRAIN, DBKIT_JWT_SECRET=SECRET) as gateway,
        traffic.calling(lambda: gateway.url, apps(restaurant)),
        switching(traffic, operator),
    ):
        replace_all(gateway)
    assert_nothing_was_noticed(traffic, operator)


def replace_all(gateway: Served) -> None:
    before = set(gateway.workers())
    gateway.signal(signal.SIGHUP)
    for _ in within(60):
        now = set(gateway.workers())
        if len(now) == 2 and not now & before:
            return


def test_gateways_behind_a_balancer_are_replaced_and_fail_no_request(
    database: str, restaurant: Shop
) -> None:
    """Two gateways, each of them stopped and replaced by a new one."""
    traffic, operator = HttpTraffic(database), Operator(database)
    operator.start()
    balancer = RoundRobin()
    with ExitStack() as stack:

        def start() -> Served:
            gateway = stack.enter_context(
                served(database, "--drain", DRAIN, ready=False, DBKIT_JWT_SECRET=SECRET)
            )
            balancer.add(gateway.url)
            return gateway

        stack.enter_context(balancer.watching())
        old = [start(), start()]
        with traffic.calling(balancer.choose, apps(restaurant)), switching(traffic, operator):
            for gateway in old:
                gateway.signal(signal.SIGTERM)
                assert gateway.wait() == 0
                traffic.more(20)
                start()
                traffic.more(20)
    assert_nothing_was_noticed(traffic, operator)


def test_control_a_killed_process_is_noticed(database: str, restaurant: Shop) -> None:
    traffic = HttpTraffic(database)
    with (
        served(database, "--workers", "2", DBKIT_JWT_SECRET=SECRET) as gateway,
        traffic.calling(lambda: gateway.url, apps(restaurant)),
    ):
        for _ in within(60):
            for pid in gateway.workers():
                os.kill(pid, signal.SIGKILL)
            traffic.more(10)
            if traffic.failures:
                break
        # And it gets well by itself.
        traffic.more(20)
    kinds = Counter(failure.sqlstate for failure in traffic.failures)
    assert set(kinds) <= {"ReadError", "RemoteProtocolError", "WriteError", "503 UNAVAILABLE"}
    assert traffic.answers[-1].span.began > 0
