"""Keys, limits and the log with a real database, on connections as a gateway has them."""

from __future__ import annotations

import asyncio
import inspect
import json
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import psycopg
import pytest

from dbkit.gateway_auth import Authenticator, hash_address
from dbkit.gateway_errors import Refused
from dbkit.gateway_limits import Limits, Taken
from dbkit.gateway_log import Log, LogEntry
from tests.gateway.tokens import settings
from tests.helpers import connect, one, row, rows

ADDRESS = "203.0.113.7"
PROCESSES = 8


class Backstage:
    """A connection of a gateway process; what it asks waits for what it asked before."""

    def __init__(self, connection: psycopg.AsyncConnection[Any]) -> None:
        self.connection = connection
        self._lock = asyncio.Lock()

    async def ask(self, statement: str, *parameters: object) -> Any:
        async with self._lock:
            cursor = await self.connection.execute(statement.encode(), parameters)
            found = await cursor.fetchone()
            return None if found is None else found[0]

    async def find_key(self, digest: str) -> dict[str, Any] | None:
        found: dict[str, Any] | None = await self.ask("select dbkit.find_api_key(%s)", digest)
        return found

    async def touch(self, key_ids: Any) -> None:
        await self.ask("select dbkit.touch_api_keys(%s)", list(key_ids))

    async def lease(self, wanted: list[dict[str, Any]]) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = await self.ask(
            "select dbkit.lease_rate_limit(%s)", json.dumps(wanted)
        )
        return found


@pytest.fixture
async def backstages(database: str) -> AsyncIterator[list[Backstage]]:
    """As many as there are processes, as service_role."""
    made = [
        await psycopg.AsyncConnection.connect(database, autocommit=True) for _ in range(PROCESSES)
    ]
    for each in made:
        await each.execute("set role service_role")
    yield [Backstage(each) for each in made]
    for each in made:
        await each.close()


# --- keys ------------------------------------------------------------------------------------


def make_key(url: str, **more: Any) -> dict[str, Any]:
    with connect(url, autocommit=True) as conn:
        names = ", ".join(f"{name} => %s" for name in more)
        made: dict[str, Any] = one(
            conn,
            f"select dbkit.create_api_key('acme'{', ' if more else ''}{names})",
            *more.values(),
        )
        return made


def key_header(secret: str) -> dict[bytes, bytes]:
    return {b"x-api-key": secret.encode()}


async def test_a_key_of_the_database_is_an_identity(
    database: str, backstages: list[Backstage]
) -> None:
    made = make_key(database, p_scopes=["get_*"], p_organization_id="org-7", p_role="service_role")
    auth = Authenticator(settings(), backstages[0].find_key, touch=backstages[0].touch)
    found = await auth.identify(key_header(made["secret"]), ADDRESS)
    assert (found.role, found.consumer) == ("service_role", f"key:{made['key_id']}")
    assert (found.organization_id, found.client_id) == ("org-7", "acme")
    assert found.may_call("get_menu") and not found.may_call("place_order")
    other = made["secret"][:-1] + ("a" if made["secret"][-1] != "a" else "b")
    with pytest.raises(Refused) as caught:
        await auth.identify(key_header(other), ADDRESS)
    assert caught.value.status == 401
    await auth.stop()
    with connect(database) as conn:
        assert one(conn, "select last_used_at is not null from dbkit.api_keys") is True


async def test_revoking_is_told_and_counts_at_once(
    database: str, backstages: list[Backstage]
) -> None:
    made = make_key(database)
    auth = Authenticator(settings(key_cache_seconds=3600), backstages[0].find_key)
    headers = key_header(made["secret"])
    await auth.identify(headers, ADDRESS)
    listener = backstages[1].connection
    await listener.execute("listen dbkit_api_keys")
    with connect(database, autocommit=True) as conn:
        conn.execute("select dbkit.revoke_api_key(%s)", [made["key_id"]])
    assert auth.identify_now(headers, ADDRESS) is not None
    async for notice in listener.notifies(timeout=20, stop_after=1):
        auth.forget_key(notice.payload)
    assert auth.identify_now(headers, ADDRESS) is None
    with pytest.raises(Refused) as caught:
        await auth.identify(headers, ADDRESS)
    assert caught.value.status == 401


async def test_after_a_rotation_both_secrets_are_good_and_the_old_one_ends(
    database: str, backstages: list[Backstage]
) -> None:
    made = make_key(database)
    with connect(database, autocommit=True) as conn:
        rotated = one(conn, "select dbkit.rotate_api_key(%s, '1 hour')", made["key_id"])
    now = [1e9]
    auth = Authenticator(settings(), backstages[0].find_key, now=lambda: now[0])
    for secret in (made["secret"], rotated["secret"]):
        assert (await auth.identify(key_header(secret), ADDRESS)).client_id == "acme"
    # Long after what the database said, on the gateway's clock.
    now[0] = 1e11
    assert auth.identify_now(key_header(rotated["secret"]), ADDRESS) is not None
    with pytest.raises(Refused) as caught:
        await auth.identify(key_header(made["secret"]), ADDRESS)
    assert caught.value.details == {"reason": "expired"}


# --- limits ----------------------------------------------------------------------------------


async def answered(taken: Any) -> Taken:
    found: Taken = await taken if inspect.isawaitable(taken) else taken
    return found


async def requests(limits: Limits, count: int, consumer: str = "key:1") -> int:
    """So many, eight at a time, as a busy process has them."""
    allowed = 0

    async def client(times: int) -> None:
        nonlocal allowed
        for _ in range(times):
            taken = await answered(limits.take(consumer, "get_menu"))
            allowed += taken.allowed
            await asyncio.sleep(0)

    await asyncio.gather(*(client(count // 8) for _ in range(8)))
    return allowed


def one_limit(most: int, window: int) -> list[dict[str, Any]]:
    return [{"consumer": "*", "call": "*", "max_calls": most, "window_seconds": window}]


def limited(lease: Any, most: int, window: int = 86_400) -> Limits:
    made = Limits(settings(), lease)
    made.update(one_limit(most, window))
    return made


async def test_eight_processes_never_exceed_a_limit(backstages: list[Backstage]) -> None:
    processes = [limited(each.lease, 1000) for each in backstages]
    allowed = await asyncio.gather(*(requests(each, 800) for each in processes))
    # A day's window: the chance that it ends in between is a matter of seconds a day.
    assert 900 <= sum(allowed) <= 1000
    assert await requests(processes[0], 80) <= 1000 - sum(allowed)
    leases = sum(each.leases for each in processes)
    assert leases < 400, "a question a request would be 6400"


async def test_the_control_counts_by_itself_and_exceeds_it() -> None:
    """The same with processes that do not share: each lets the whole limit through."""

    def alone() -> Any:
        left = [1000]

        async def lease(wanted: list[dict[str, Any]]) -> list[dict[str, Any]]:
            answers = []
            for each in wanted:
                granted = min(each["want"], left[0])
                left[0] -= granted
                answers.append(
                    {**each, "granted": granted, "remaining": left[0], "resets_in": 3600}
                )
            return answers

        return lease

    allowed = [await requests(limited(alone(), 1000), 1600) for _ in range(PROCESSES)]
    assert sum(allowed) == 8000


async def test_nor_do_they_over_many_short_windows(
    database: str, backstages: list[Backstage]
) -> None:
    """Windows of a second end in the middle of it all. What was granted in each is what its row
    said last; nobody is let through without a token."""
    granted: Counter[str] = Counter()

    def counted(backstage: Backstage) -> Any:
        async def lease(wanted: list[dict[str, Any]]) -> list[dict[str, Any]]:
            answers = await backstage.lease(wanted)
            for each in answers:
                granted[each["resets_at"]] += each["granted"]
            return answers

        return lease

    processes = [limited(counted(each), 50, 1) for each in backstages]
    allowed = 0
    # At least three windows, however fast or slow the machine is.
    while len(granted) < 4:
        allowed += sum(await asyncio.gather(*(requests(each, 80) for each in processes)))
    assert max(granted.values()) <= 50
    assert allowed <= sum(granted.values())


async def test_consumers_in_one_question_do_not_wait_for_each_other_for_ever(
    backstages: list[Backstage],
) -> None:
    """Each process asks for the same hundred consumers at once, in an order of its own."""
    processes = [limited(each.lease, 20) for each in backstages]

    async def busy(limits: Limits, number: int) -> Counter[str]:
        names = [f"key:{(index * 37 + number * 11) % 100}" for index in range(100)]
        found: Counter[str] = Counter()
        for _ in range(5):
            taken = await asyncio.gather(
                *(answered(limits.take(name, "get_menu")) for name in names)
            )
            for name, each in zip(names, taken, strict=True):
                found[name] += each.allowed
        return found

    total: Counter[str] = Counter()
    for each in await asyncio.gather(*(busy(p, n) for n, p in enumerate(processes))):
        total += each
    assert len(total) == 100
    assert max(total.values()) <= 20 and min(total.values()) >= 10


async def test_a_gateway_counts_as_check_rate_limit_does(
    database: str, backstages: list[Backstage]
) -> None:
    """Whoever calls through the gateway and by psql has one count."""
    with connect(database, autocommit=True) as conn:
        conn.execute("select dbkit.set_rate_limit('*', '*', 10, 86400)")
        limits = Limits(settings(), backstages[0].lease)
        catalog = one(conn, "select dbkit.gateway_catalog()")
        limits.update(catalog["rate_limits"])
        for _ in range(4):
            assert (await answered(limits.take("key:1", "get_menu"))).allowed
        for _ in range(3):
            conn.execute("select dbkit.check_rate_limit('key:1', 'get_menu')")
        taken = [await answered(limits.take("key:1", "get_menu")) for _ in range(10)]
        assert sum(each.allowed for each in taken) <= 3
        with pytest.raises(psycopg.Error) as caught:
            for _ in range(10):
                conn.execute("select dbkit.check_rate_limit('key:1', 'get_menu')")
        assert caught.value.sqlstate == "KD125"
        assert one(conn, "select taken from dbkit.api_rate_windows") == 10


# --- the log ---------------------------------------------------------------------------------


async def test_the_log_and_its_metrics_are_written(
    database: str, backstages: list[Backstage]
) -> None:
    backstage = backstages[0]

    async def log(text: str) -> None:
        await backstage.ask("select dbkit.log_api_requests(%s::jsonb)", text)

    async def ingest(text: str) -> None:
        answer = await backstage.ask("select dbkit.ingest_metrics(%s::jsonb)", text)
        assert answer["dropped"] == 0, answer

    made = Log(settings(), log, ingest, address_secret=b"s", gateway="g1")
    full = LogEntry(
        name="get_menu",
        status_code=200,
        duration_ms=1.25,
        request_id="r1",
        requested_version="v3",
        served_version="v2",
        fallback=True,
        error_code="KD105",
        caller_role="anon",
        app_name="web",
        app_version="1.2.3",
        client_id="web-1",
        user_id="ada",
        organization_id="acme",
        region="eu-west-1",
        ip_address=ADDRESS,
        user_agent="curl",
    )
    made.add(full)
    odd = LogEntry(name="\x00'; --" + "é" * 500, status_code=503, duration_ms=-5.0)
    odd.ip_address = "not an address"
    made.add(odd)
    for _ in range(1000):
        made.add(LogEntry(name="get_menu", status_code=200, duration_ms=2.0, served_version="v2"))
    assert await made.flush(metrics=True)
    assert (made.stats().written, made.stats().dropped) == (1002, 0)
    with connect(database) as conn:
        logged = row(conn, "select * from dbkit.api_request_log where request_id = 'r1'")
        assert (logged["served_version"], logged["fallback"], logged["user_id"]) == (
            "v2",
            True,
            "ada",
        )
        assert logged["ip_address"] is None and len(logged["ip_hash"]) == 16
        assert logged["ip_hash"] != hash_address(ADDRESS, b"s")
        assert one(conn, "select count(*) from dbkit.api_request_log") == 1002
        events = rows(conn, "select event_type, event_data from dbkit.runtime_metrics")
    data = [each["event_data"] for each in events if each["event_type"] == "gateway_request"]
    assert {(each["call"], each["status"], each["requests"]) for each in data} == {
        ("get_menu", 200, 1001),
        ("__unknown__", 500, 1),
    }
    (state,) = [each["event_data"] for each in events if each["event_type"] == "gateway_state"]
    assert (state["requests"], state["errors"], state["dropped"]) == (1002, 1, 0)


async def test_whole_addresses_by_setting(database: str, backstages: list[Backstage]) -> None:
    async def log(text: str) -> None:
        await backstages[0].ask("select dbkit.log_api_requests(%s::jsonb)", text)

    made = Log(settings(address="whole"), log, log, address_secret=b"s")
    for address in (ADDRESS, "2001:db8::1", "fe80::1%eth0", "unix:", None):
        made.add(LogEntry(name="x", status_code=200, duration_ms=1.0, ip_address=address))
    assert await made.flush()
    with connect(database) as conn:
        found = rows(conn, "select host(ip_address) as ip from dbkit.api_request_log order by id")
    assert [each["ip"] for each in found] == [ADDRESS, "2001:db8::1", "fe80::1", None, None]
