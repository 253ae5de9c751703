"""dbkit.gateway_auth: who makes a request."""

from __future__ import annotations

import asyncio
import datetime
import hashlib
import re
from pathlib import Path
from typing import Any

import pytest

from dbkit import gateway_auth
from dbkit.gateway_auth import (
    KEYS,
    UNKNOWN_SECONDS,
    ApiKeys,
    Authenticator,
    Headers,
    Identity,
    hash_address,
    network_of,
    new_address_secret,
)
from dbkit.gateway_errors import Refused
from dbkit.gateway_jwt import KeySource
from dbkit.settings import GatewaySettings
from tests.gateway.tokens import (
    SECRET,
    START,
    Clock,
    Source,
    claims,
    forged,
    settings,
    signed,
)

ADDRESS = "203.0.113.7"


def secret(name: str = "k1") -> bytes:
    """As create_api_key makes them."""
    return b"dbk_" + name.encode() + b"_" + hashlib.sha256(name.encode()).hexdigest()[:43].encode()


class Registry:
    """`find_api_key` in memory."""

    def __init__(self) -> None:
        self.rows: dict[str, dict[str, Any]] = {}
        self.asked: list[str] = []
        self.down = False
        self.gate: asyncio.Event | None = None
        self.begun = asyncio.Event()

    def put(self, name: str = "k1", **more: Any) -> bytes:
        row = {
            "key_id": name,
            "consumer": f"{name}-shop",
            "role": "authenticated",
            "scopes": ["*"],
            "organization_id": None,
            "expires_at": None,
        }
        self.rows[hashlib.sha256(secret(name)).hexdigest()] = row | more
        return secret(name)

    def revoke(self, name: str = "k1") -> None:
        del self.rows[hashlib.sha256(secret(name)).hexdigest()]

    async def find(self, digest: str) -> dict[str, Any] | None:
        self.asked.append(digest)
        found = self.rows.get(digest)
        self.begun.set()
        if self.gate is not None:
            await self.gate.wait()
        if self.down:
            raise Refused(503, "UNAVAILABLE", "no capacity")
        return found


class Bench:
    def __init__(self, **given: Any) -> None:
        self.clock = Clock()
        self.registry = Registry()
        self.touched: list[list[str]] = []
        self.auth = Authenticator(
            settings(**{"jwt_secret": SECRET, **given}),
            self.registry.find,
            touch=self.touch,
            now=self.clock,
            monotonic=self.clock,
        )

    async def touch(self, key_ids: Any) -> None:
        self.touched.append(list(key_ids))

    async def who(self, address: str | None = ADDRESS, **headers: bytes) -> Identity:
        return await self.auth.identify(named(headers), address)

    async def refused(self, address: str | None = ADDRESS, **headers: bytes) -> Refused:
        with pytest.raises(Refused) as caught:
            await self.auth.identify(named(headers), address)
        return caught.value


def named(headers: dict[str, bytes]) -> Headers:
    return {name.replace("_", "-").encode(): value for name, value in headers.items()}


def challenge(error: Refused) -> str:
    return dict(error.headers)[b"www-authenticate"].decode()


# --- tokens ----------------------------------------------------------------------------------


async def test_a_token_is_a_user() -> None:
    found = await Bench().who(authorization=b"Bearer " + signed(organization_id="acme"))
    assert (found.role, found.consumer, found.user_id) == ("authenticated", "user:ada", "ada")
    assert (found.organization_id, found.client_id, found.scopes) == ("acme", None, ("*",))
    assert found.claims is not None and '"sub":"ada"' in found.claims


async def test_a_token_without_a_subject_counts_for_its_role() -> None:
    found = await Bench().who(authorization=b"Bearer " + signed(sub=None, role="service_role"))
    assert (found.consumer, found.user_id) == ("role:service_role", None)


async def test_the_name_of_a_consumer_fits_the_database() -> None:
    """One that does not would spoil the question for all that ask with it."""
    bench = Bench()
    found = await bench.who(authorization=b"Bearer " + signed(sub="s" * 200))
    client = await bench.who(x_client_id=b"c" * 200)
    for each, kind in ((found, "user"), (client, "client")):
        assert re.fullmatch(rf"{kind}:[0-9a-f]{{64}}", each.consumer)
    assert found.user_id == "s" * 200
    assert (await bench.who(x_client_id=b"c" * 193)).consumer == "client:" + "c" * 193


@pytest.mark.parametrize("scheme", [b"Bearer ", b"bearer ", b"BEARER ", b"Bearer  "])
async def test_the_scheme_in_any_case(scheme: bytes) -> None:
    bench = Bench()
    for _ in range(2):
        assert (await bench.who(authorization=scheme + signed())).user_id == "ada"


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"Bearer",
        b"Bearer ",
        b"Basic YTpi",
        b"Token x",
        b"Bearer\t" + signed(),
        signed(),
        b"Bearer " + signed() + b", Bearer " + signed(),
        b"Bearer " + signed() + b" x",
    ],
)
async def test_another_authorization_is_401_and_not_anonymous(value: bytes) -> None:
    error = await Bench().refused(authorization=value)
    assert (error.status, error.code) == (401, "UNAUTHORIZED")


async def test_a_bad_token_is_401_with_a_challenge_in_quotes_that_close() -> None:
    bench = Bench()
    for token in (
        b'x"y',
        signed(exp=1),
        forged({"alg": "none"}, claims()),
        b"\xff\r\nSet-Cookie: a",
    ):
        error = await bench.refused(authorization=b"Bearer " + token)
        shape = r'Bearer error="invalid_token", error_description="[a-zA-Z0-9 ,.()\']+"'
        assert error.status == 401
        assert re.fullmatch(shape, challenge(error)), challenge(error)


@pytest.mark.parametrize(
    "role", ["super_admin", "postgres", "dbkit_gateway", "none", "", "a" * 500]
)
async def test_a_role_that_is_not_of_the_list_is_403(role: str) -> None:
    bench = Bench()
    headers = named({"authorization": b"Bearer " + signed(role=role)})
    for _ in range(2):
        with pytest.raises(Refused) as caught:
            await bench.auth.identify(headers, ADDRESS)
        assert (caught.value.status, caught.value.code) == (403, "FORBIDDEN")
    assert "a" * 100 not in caught.value.message


async def test_the_roles_are_a_setting() -> None:
    bench = Bench(roles="anon,super_admin")
    assert (
        await bench.who(authorization=b"Bearer " + signed(role="super_admin"))
    ).role == "super_admin"
    assert (await bench.refused(authorization=b"Bearer " + signed())).status == 403


async def test_a_token_without_a_role_has_the_default_or_none() -> None:
    token = b"Bearer " + signed(role=None)
    assert (await Bench().who(authorization=token)).role == "authenticated"
    assert (await Bench(jwt_default_role="").refused(authorization=token)).status == 403


async def test_keys_that_cannot_be_had_are_no_fault_of_the_client() -> None:
    bench = Bench()
    chosen = settings(jwks="https://issuer.example/jwks")
    source = KeySource(chosen, get=Source(down=True).get, monotonic=bench.clock)
    auth = Authenticator(chosen, keys=source, now=bench.clock, monotonic=bench.clock)
    await auth.start()
    with pytest.raises(Refused) as caught:
        await auth.identify(
            named({"authorization": b"Bearer " + signed("RS256", kid="k")}), ADDRESS
        )
    assert (caught.value.status, dict(caught.value.headers)[b"retry-after"]) == (503, b"1")
    assert (await auth.identify({}, ADDRESS)).role == "anon"
    await auth.stop()


async def test_a_known_token_needs_no_waiting() -> None:
    bench = Bench()
    headers = named({"authorization": b"Bearer " + signed()})
    assert bench.auth.identify_now(headers, ADDRESS) is None
    found = await bench.auth.identify(headers, ADDRESS)
    assert bench.auth.identify_now(headers, "198.51.100.1") is found
    bench.clock.at = START + 3611
    assert bench.auth.identify_now(headers, ADDRESS) is None


# --- API keys --------------------------------------------------------------------------------


async def test_a_key_is_a_consumer_in_either_header() -> None:
    bench = Bench()
    key = bench.registry.put("k1", organization_id="acme", scopes=["get_*"], role="service_role")
    for name, value in (("x_api_key", key), ("authorization", b"Bearer " + key)):
        headers = named({"x_client_id": b"somebody-else", name: value})
        found = await bench.auth.identify(headers, ADDRESS)
        assert (found.role, found.consumer, found.client_id) == (
            "service_role",
            "key:k1",
            "k1-shop",
        )
        assert (found.organization_id, found.user_id, found.claims) == ("acme", None, None)
    assert bench.registry.asked == [hashlib.sha256(key).hexdigest()]


async def test_two_credentials_are_400() -> None:
    bench = Bench()
    key = bench.registry.put()
    for authorization in (signed(), key, b"garbage"):
        error = await bench.refused(x_api_key=key, authorization=b"Bearer " + authorization)
        assert (error.status, error.code) == (400, "BAD_REQUEST")
    await bench.who(x_api_key=key)
    error = await bench.refused(x_api_key=key, authorization=b"Bearer " + signed())
    assert error.status == 400


@pytest.mark.parametrize(
    "key",
    [
        b"",
        b"dbk_",
        b"dbk_k1",
        b"dbk__" + b"a" * 43,
        b"dbk_k1_" + b"a" * 39,
        b"dbk_k1_" + b"a" * 300,
        b"dbk_k1_" + b"a" * 42 + b"\x00",
        b"dbk_k1_" + b"a" * 43 + b"\n",
        b"dbk_k1_" + b"a" * 43 + b", dbk_k2_" + b"b" * 43,
        b"DBK_k1_" + b"a" * 43,
        b"x' or 1=1 --",
        signed(),
    ],
)
async def test_what_is_no_key_is_never_looked_up(key: bytes) -> None:
    bench = Bench()
    error = await bench.refused(x_api_key=key)
    assert (error.status, bench.registry.asked) == (401, [])
    assert key.decode("latin-1") not in error.message or not key


async def test_a_key_that_does_not_exist_is_401_and_asked_for_once_in_a_while() -> None:
    bench = Bench()
    for _ in range(10):
        assert (await bench.refused(x_api_key=secret("no"))).status == 401
    assert len(bench.registry.asked) == 1
    bench.clock.at += UNKNOWN_SECONDS
    await bench.refused(x_api_key=secret("no"))
    assert len(bench.registry.asked) == 2


async def test_a_key_is_looked_up_again_after_ten_seconds() -> None:
    bench = Bench()
    key = bench.registry.put()
    for _ in range(10):
        await bench.who(x_api_key=key)
    bench.clock.at += 9.9
    await bench.who(x_api_key=key)
    assert len(bench.registry.asked) == 1
    bench.registry.revoke()
    bench.clock.at += 0.1
    assert (await bench.refused(x_api_key=key)).status == 401
    assert bench.auth.identify_now(named({"x_api_key": key}), ADDRESS) is None


async def test_news_of_a_key_counts_at_once() -> None:
    bench = Bench()
    key, other = bench.registry.put("k1"), bench.registry.put("k2")
    await bench.who(x_api_key=key)
    await bench.who(x_api_key=other)
    bench.registry.revoke("k1")
    bench.auth.forget_key("k1")
    assert (await bench.refused(x_api_key=key)).status == 401
    assert bench.auth.identify_now(named({"x_api_key": other}), ADDRESS) is not None
    bench.auth.forget_keys()
    assert bench.auth.identify_now(named({"x_api_key": other}), ADDRESS) is None
    assert (await bench.who(x_api_key=other)).consumer == "key:k2"


async def test_an_answer_older_than_the_news_is_not_kept() -> None:
    """The row was read, then the key revoked and the news told, then the row arrives."""
    bench = Bench()
    key = bench.registry.put()
    bench.registry.gate = asyncio.Event()
    early = asyncio.create_task(bench.who(x_api_key=key))
    await bench.registry.begun.wait()
    bench.registry.revoke()
    bench.auth.forget_key("k1")
    late = asyncio.create_task(bench.refused(x_api_key=key))
    await asyncio.sleep(0)
    bench.registry.gate.set()
    assert (await early).consumer == "key:k1"
    assert (await late).status == 401
    assert (await bench.refused(x_api_key=key)).status == 401


async def test_a_key_expires_to_the_second_although_it_is_remembered() -> None:
    bench = Bench()
    ends = datetime.datetime.fromtimestamp(START + 3, datetime.UTC).isoformat()
    key = bench.registry.put(expires_at=ends)
    await bench.who(x_api_key=key)
    bench.clock.at += 2.9
    await bench.who(x_api_key=key)
    bench.clock.at += 0.1
    assert bench.auth.identify_now(named({"x_api_key": key}), ADDRESS) is None
    error = await bench.refused(x_api_key=key)
    assert (error.status, error.details) == (401, {"reason": "expired"})


async def test_requests_with_one_key_share_a_question() -> None:
    bench = Bench()
    key = bench.registry.put()
    bench.registry.gate = asyncio.Event()
    waiting = [asyncio.create_task(bench.who(x_api_key=key)) for _ in range(100)]
    await bench.registry.begun.wait()
    waiting[0].cancel()
    await asyncio.sleep(0)
    bench.registry.gate.set()
    found = await asyncio.gather(*waiting, return_exceptions=True)
    assert sum(isinstance(each, Identity) for each in found) == 99
    assert len(bench.registry.asked) == 1


async def test_a_database_that_is_away_is_no_answer_and_not_remembered() -> None:
    bench = Bench()
    key = bench.registry.put()
    bench.registry.down = True
    assert (await bench.refused(x_api_key=key)).status == 503
    bench.registry.down = False
    assert (await bench.who(x_api_key=key)).consumer == "key:k1"


async def test_whatever_goes_wrong_with_a_lookup_is_503() -> None:
    bench = Bench()

    async def broken(_: str) -> None:
        raise ConnectionResetError("server at 10.0.0.5 went away")

    bench.auth.api_keys._lookup = broken
    error = await bench.refused(x_api_key=secret())
    assert (error.status, "10.0" in error.message) == (503, False)


async def test_a_key_of_a_role_that_is_not_accepted_is_403() -> None:
    bench = Bench()
    key = bench.registry.put(role="super_admin")
    for _ in range(2):
        assert (await bench.refused(x_api_key=key)).status == 403


async def test_a_flood_of_made_up_keys_is_none_for_the_database() -> None:
    bench = Bench(key_lookups=50)
    good = bench.registry.put("good")
    await bench.who(x_api_key=good)
    statuses: dict[int, int] = {}
    for number in range(10_000):
        bench.clock.at += 0.001
        error = await bench.refused(
            f"198.51.{number % 200}.1", x_api_key=secret(f"made-up-{number}")
        )
        statuses[error.status] = statuses.get(error.status, 0) + 1
        if number % 500 == 0:
            # Who was here before is served all the while.
            assert (await bench.who(x_api_key=good)).consumer == "key:good"
    # Ten seconds at 50 a second, and what may come at once.
    assert len(bench.registry.asked) <= 10 * 50 + 100 + 2
    assert statuses[401] + statuses[503] == 10_000 and statuses[503] > 9_000
    assert bench.auth.api_keys.throttled == statuses[503]


async def test_one_address_does_not_take_the_questions_of_all() -> None:
    bench = Bench(key_lookups=50)
    new = bench.registry.put("new")
    for number in range(2_000):
        bench.clock.at += 0.001
        await bench.refused("198.51.100.9", x_api_key=secret(f"made-up-{number}"))
    assert len(bench.registry.asked) <= 2 * 10 + 20 + 1
    assert (await bench.who("203.0.113.8", x_api_key=new)).consumer == "key:new"


async def test_what_is_remembered_of_keys_is_bounded() -> None:
    clock = Clock()
    registry = Registry()
    keys = ApiKeys(settings(key_lookups=1e9), registry.find, now=clock, monotonic=clock)
    for number in range(KEYS + 500):
        with pytest.raises(Refused):
            await keys.find(secret(f"no-{number}"), ADDRESS)
    assert len(keys._unknown) == KEYS
    for number in range(KEYS + 500):
        await keys.find(registry.put(f"yes-{number}"), ADDRESS)
    assert len(keys._known) == KEYS


async def test_used_keys_are_told_in_one_go() -> None:
    bench = Bench()
    for name in ("k2", "k1"):
        for _ in range(3):
            await bench.who(x_api_key=bench.registry.put(name))
    await bench.auth.touch_used()
    await bench.auth.touch_used()
    assert bench.touched == [["k1", "k2"]]
    await bench.who(x_api_key=secret("k1"))
    await bench.auth.stop()
    assert bench.touched == [["k1", "k2"], ["k1"]]


async def test_use_that_could_not_be_told_is_told_later() -> None:
    bench = Bench()
    await bench.who(x_api_key=bench.registry.put())
    told = bench.auth._touch

    async def away(_: Any) -> None:
        raise ConnectionError

    bench.auth._touch = away
    await bench.auth.touch_used()
    bench.auth._touch = told
    await bench.auth.touch_used()
    assert bench.touched == [["k1"]]


# --- scopes ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("scopes", "may", "may_not"),
    [
        (("*",), ["anything", ""], []),
        (
            ("get_*", "place_order"),
            ["get_menu", "get_", "place_order"],
            ["place_orders", "get", "x"],
        ),
        ((), [], ["get_menu", "*"]),
        (("place_order",), ["place_order"], ["PLACE_ORDER", "place_orde", "place_order "]),
        (("get_*_menu",), ["get_*_menu"], ["get_a_menu"]),
    ],
)
def test_scopes_are_names_or_beginnings(
    scopes: tuple[str, ...], may: list[str], may_not: list[str]
) -> None:
    found = Identity("anon", "key:k1", scopes=scopes)
    assert [name for name in [*may, *may_not] if found.may_call(name)] == may
    for name in may_not:
        with pytest.raises(Refused) as caught:
            found.require_call(name)
        assert (caught.value.status, caught.value.code) == (403, "FORBIDDEN")
        assert "insufficient_scope" in challenge(caught.value)
    for name in may:
        found.require_call(name)


# --- nobody in particular --------------------------------------------------------------------


async def test_without_credentials_it_is_anon_by_client_or_address() -> None:
    bench = Bench()
    found = await bench.who(x_client_id=b"web-1")
    assert found == Identity("anon", "client:web-1")
    found = await bench.who()
    assert re.fullmatch(r"ip:[0-9a-f]{16}", found.consumer)
    assert found.client_id is None and found.claims is None
    assert bench.auth.identify_now({}, ADDRESS) is found
    assert (await bench.who("203.0.113.8")).consumer != found.consumer


async def test_by_setting_only_the_address_counts() -> None:
    """Whoever may choose a name for itself has as many limits as names."""
    bench = Bench(anonymous_consumer="address")
    found = {(await bench.who(x_client_id=b"c%d" % n)).consumer for n in range(10)}
    assert len(found) == 1 and found.pop().startswith("ip:")


async def test_by_setting_credentials_are_needed() -> None:
    error = await Bench(anonymous=False).refused(x_client_id=b"web-1")
    assert (error.status, challenge(error)) == (401, "Bearer")
    assert (await Bench(anonymous=False).who(authorization=b"Bearer " + signed())).user_id == "ada"


@pytest.mark.parametrize("value", [b"a" * 201, b"a\x00b", b"a\x9f"])
async def test_a_client_id_is_printable(value: bytes) -> None:
    error = await Bench().refused(x_client_id=value)
    assert (error.status, error.field) == (400, "X-Client-Id")


async def test_an_empty_client_id_is_none() -> None:
    bench = Bench()
    assert (await bench.who(x_client_id=b"")).consumer == (await bench.who()).consumer


async def test_a_client_cannot_call_itself_somebody_else() -> None:
    """What it says is behind a prefix of its own."""
    for value in (b"key:k1", b"user:ada", b"ip:0", b"role:service_role"):
        assert (await Bench().who(x_client_id=value)).consumer == "client:" + value.decode()


async def test_anonymous_callers_are_remembered_in_bounds() -> None:
    bench = Bench()
    for number in range(10_500):
        await bench.who(x_client_id=b"c%d" % number)
    assert len(bench.auth._anonymous) == 10_000


# --- addresses -------------------------------------------------------------------------------


def test_the_hash_of_an_address_depends_on_secret_and_day() -> None:
    day = datetime.date(2026, 11, 21)
    found = {
        hash_address(ADDRESS, b"a"),
        hash_address(ADDRESS, b"b"),
        hash_address(ADDRESS, b"a", day),
        hash_address(ADDRESS, b"a", day + datetime.timedelta(days=1)),
        hash_address("203.0.113.8", b"a"),
    }
    assert len(found) == 5
    assert all(re.fullmatch("[0-9a-f]{16}", each) for each in found)
    assert hash_address(ADDRESS, b"a", day) == hash_address(ADDRESS, b"a", day)
    assert hash_address(ADDRESS, b"a") != hashlib.sha256(ADDRESS.encode()).hexdigest()[:16]


def test_without_a_secret_in_the_settings_each_process_has_its_own() -> None:
    given = settings(address_secret="told")
    assert new_address_secret(given) == new_address_secret(given) == b"told"
    assert new_address_secret(settings()) != new_address_secret(settings())
    assert len(new_address_secret(settings())) == 32


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("testclient", "testclient"),
        ("", ""),
    ],
)
def test_a_client_has_all_of_a_network(address: str, network: str) -> None:
    assert network_of(address) == network


# --- life ------------------------------------------------------------------------------------


async def test_starting_and_stopping_leaves_nothing_behind() -> None:
    bench = Bench()
    await bench.auth.start()
    await bench.auth.stop()
    await bench.auth.stop()
    others = asyncio.all_tasks() - {asyncio.current_task()}
    assert not others


async def test_a_slow_source_of_keys_does_not_hold_up_the_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(gateway_auth, "START_SECONDS", 0.01)
    chosen = settings(jwks="https://issuer.example/jwks")
    slow = Source(gate=asyncio.Event())
    auth = Authenticator(chosen, keys=KeySource(chosen, get=slow.get))
    await auth.start()
    assert slow.begun.is_set() and (await auth.identify({}, ADDRESS)).role == "anon"
    await auth.stop()
    assert asyncio.all_tasks() == {asyncio.current_task()}


def test_nothing_secret_is_in_what_is_shown() -> None:
    chosen = settings(jwt_secret=SECRET, address_secret="address-secret")
    assert SECRET not in repr(chosen) and "address-secret" not in repr(chosen)
    auth = Authenticator(chosen)
    assert SECRET not in repr(auth) and SECRET not in repr(auth.key_source)


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DBKIT_JWT_SECRET", SECRET)
    monkeypatch.setenv("DBKIT_JWT_AUDIENCE", "a,b")
    monkeypatch.setenv("DBKIT_GATEWAY_ANONYMOUS", "false")
    found = settings()
    assert found.jwt_secret is not None and found.jwt_secret.get_secret_value() == SECRET
    assert (found.jwt_audience, found.anonymous) == ("a,b", False)


def test_the_guide_names_every_setting() -> None:
    page = Path(__file__).parents[2] / "docs/guides/authentication.md"
    text = page.read_text("utf-8")
    names = {str(field.validation_alias) for field in GatewaySettings.model_fields.values()}
    others = {"ROLES", "ANONYMOUS", "ANONYMOUS_CONSUMER", "KEY_CACHE_SECONDS", "KEY_LOOKUPS"}
    others |= {"ADDRESS", "ADDRESS_SECRET", "LIMITS_UNKNOWN"}
    wanted = {name for name in names if name.startswith("DBKIT_JWT_")}
    wanted |= {f"DBKIT_GATEWAY_{name}" for name in others}
    assert wanted <= names
    assert [name for name in sorted(wanted) if f"`{name}" not in text] == []
