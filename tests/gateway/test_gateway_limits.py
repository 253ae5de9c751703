"""dbkit.gateway_limits: no more than the limit, over all processes, with few questions."""

from __future__ import annotations

import asyncio
import inspect
import random
from collections import Counter
from collections.abc import Awaitable
from typing import Any

import pytest
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from dbkit.gateway_errors import Refused
from dbkit.gateway_limits import BUCKETS, FREE, REST_SECONDS, Limits, Taken
from tests.gateway.tokens import START, Clock, settings


class Windows:
    """`lease_rate_limit` in memory: fixed windows, aligned to the epoch, as in the database."""

    def __init__(self, clock: Clock, *, by_time: bool = False) -> None:
        self.clock = clock
        self.granted: Counter[tuple[str, str, int, int]] = Counter()
        self.asked: list[list[dict[str, Any]]] = []
        self.down = False
        self.gate: asyncio.Event | None = None
        self.begun = asyncio.Event()
        self.by_time = by_time

    async def lease(self, leases: list[dict[str, Any]]) -> list[dict[str, Any]]:
        self.asked.append(leases)
        self.begun.set()
        if self.gate is not None:
            await self.gate.wait()
        if self.down:
            raise ConnectionError("away")
        answers = [self._answer(each) for each in leases]
        return list(reversed(answers))

    def _answer(self, each: dict[str, Any]) -> dict[str, Any]:
        window = each["window_seconds"]
        number = int(self.clock.at // window)
        key = each["consumer"], each["call"], window, number
        granted = max(min(each["want"], each["max_calls"] - self.granted[key]), 0)
        self.granted[key] += granted
        ends = (number + 1) * window
        told = {"resets_at": _text(ends)} if self.by_time else {"resets_in": ends - self.clock.at}
        remaining = max(each["max_calls"] - self.granted[key], 0)
        return {**each, "granted": granted, "remaining": remaining, **told}


def _text(at: float) -> str:
    import datetime

    return datetime.datetime.fromtimestamp(at, datetime.UTC).isoformat()


def limit(max_calls: int, consumer: str = "*", call: str = "*", window: int = 60) -> dict[str, Any]:
    return {"consumer": consumer, "call": call, "max_calls": max_calls, "window_seconds": window}


class Bench:
    def __init__(self, *limits: dict[str, Any], processes: int = 1, **given: Any) -> None:
        # Ten seconds into a minute.
        self.clock = Clock(START - START % 60 + 10)
        self.windows = Windows(self.clock)
        self.processes = [
            Limits(settings(**given), self.windows.lease, monotonic=self.clock, now=self.clock)
            for _ in range(processes)
        ]
        for each in self.processes:
            each.update(limits)

    async def take(self, consumer: str = "a", call: str = "x", process: int = 0) -> Taken:
        return await answered(self.processes[process].take(consumer, call))

    async def allowed(
        self, times: int, consumer: str = "a", call: str = "x", process: int = 0
    ) -> int:
        return sum([(await self.take(consumer, call, process)).allowed for _ in range(times)])


async def answered(taken: Taken | Awaitable[Taken]) -> Taken:
    return await taken if inspect.isawaitable(taken) else taken


def told(taken: Taken) -> dict[str, str]:
    return {name.decode(): value.decode() for name, value in taken.headers}


# --- which limit counts ----------------------------------------------------------------------

ALL = [
    limit(1, "a", "x"),
    limit(2, "a", "*"),
    limit(3, "*", "x"),
    limit(4, "*", "*"),
]


@pytest.mark.parametrize(
    ("consumer", "call", "most"), [("a", "x", 1), ("a", "y", 2), ("b", "x", 3), ("b", "y", 4)]
)
async def test_the_most_specific_limit_counts_and_no_other(
    consumer: str, call: str, most: int
) -> None:
    bench = Bench(*ALL)
    assert await bench.allowed(10, consumer, call) == most


async def test_without_a_limit_nothing_is_asked() -> None:
    bench = Bench()
    assert bench.processes[0].take("a", "x") is FREE
    assert not bench.processes[0].active
    some = Bench(limit(1, "b", "x"))
    assert some.processes[0].take("a", "x") is FREE
    assert (bench.windows.asked, some.windows.asked, FREE.headers) == ([], [], ())
    FREE.require()


async def test_each_consumer_has_a_count_of_its_own() -> None:
    bench = Bench(limit(5))
    assert [await bench.allowed(7, name) for name in ("a", "b", "a")] == [5, 5, 0]


async def test_a_limit_for_all_calls_counts_them_together() -> None:
    bench = Bench(limit(5), limit(2, "*", "y"))
    assert await bench.allowed(3, "a", "x") == 3
    assert await bench.allowed(3, "a", "z") == 2
    # A call with a limit of its own does not count with the others.
    assert await bench.allowed(3, "a", "y") == 2


async def test_a_limit_of_zero_is_a_closed_door() -> None:
    bench = Bench(limit(0))
    taken = await bench.take()
    assert (taken.allowed, taken.retry_after, bench.windows.asked) == (False, 60, [])


# --- what is told ----------------------------------------------------------------------------


async def test_headers_are_those_of_the_draft() -> None:
    bench = Bench(limit(100), limit(7, "*", "place_order", window=3600))
    assert told(await bench.take()) == {
        "ratelimit-policy": '"default";q=100;w=60',
        "ratelimit": '"default";r=99;t=50',
    }
    bench.clock.at += 20.5
    assert told(await bench.take())["ratelimit"] == '"default";r=98;t=30'
    named = told(await bench.take(call="place_order"))
    assert named["ratelimit-policy"] == '"place_order";q=7;w=3600'


async def test_a_refusal_says_when_to_come_back() -> None:
    bench = Bench(limit(1))
    (await bench.take()).require()
    taken = await bench.take()
    assert told(taken) == {
        "ratelimit-policy": '"default";q=1;w=60',
        "ratelimit": '"default";r=0;t=50',
        "retry-after": "50",
    }
    with pytest.raises(Refused) as caught:
        taken.require()
    error = caught.value
    assert (error.status, error.code, error.headers) == (429, "RATE_LIMITED", taken.headers)
    assert error.details == {"limit": 1, "window_seconds": 60, "remaining": 0, "retry_after": 50}
    bench.clock.at += 50
    (await bench.take()).require()


async def test_what_remains_never_grows_within_a_window() -> None:
    bench = Bench(limit(300))
    seen = []
    for _ in range(300):
        bench.clock.at += 0.1
        seen.append(int(told(await bench.take())["ratelimit"].split(";")[1][2:]))
    assert seen == sorted(seen, reverse=True) and seen[-1] == 0


# --- windows ---------------------------------------------------------------------------------


async def test_a_new_window_is_a_new_count() -> None:
    bench = Bench(limit(5))
    for _ in range(3):
        assert await bench.allowed(9) == 5
        bench.clock.at += 60


async def test_tokens_of_a_window_are_worth_nothing_in_the_next() -> None:
    bench = Bench(limit(1000))
    await bench.allowed(200)
    bucket = bench.processes[0]._buckets["a", "*"]
    assert bucket.tokens > 0
    bench.clock.at += 60
    await bench.take()
    assert bucket.tokens == 0


async def test_clocks_that_differ_do_not_matter_when_the_database_says_how_long() -> None:
    bench = Bench(limit(5))
    here = Limits(settings(), bench.windows.lease, monotonic=Clock(3.0), now=Clock(99.0))
    here.update([limit(5)])
    taken = [await answered(here.take("a", "x")) for _ in range(9)]
    assert sum(each.allowed for each in taken) == 5
    assert told(taken[0])["ratelimit"].endswith("t=50")


async def test_a_time_as_text_does_too() -> None:
    bench = Bench(limit(5))
    bench.windows.by_time = True
    assert told(await bench.take())["ratelimit"] == '"default";r=4;t=50'
    bench.clock.at += 60
    assert await bench.allowed(9) == 5


# --- how often the database is asked ---------------------------------------------------------


async def test_a_busy_consumer_needs_few_questions() -> None:
    bench = Bench(limit(100_000))
    assert await bench.allowed(10_000) == 10_000
    assert len(bench.windows.asked) < 130
    # And what nobody else can have in the end is small.
    assert bench.processes[0]._buckets["a", "*"].tokens <= 100


async def test_who_is_refused_asks_no_more_until_the_window_ends() -> None:
    bench = Bench(limit(3))
    assert await bench.allowed(1000) == 3
    assert len(bench.windows.asked) <= 4
    assert bench.processes[0].refused == 997


async def test_a_process_holds_no_more_ahead_than_it_used() -> None:
    bench = Bench(limit(1000), processes=8)
    for number in range(1, 60):
        for process in range(8):
            await bench.take(process=process)
            assert bench.processes[process]._buckets["a", "*"].tokens <= number


async def test_of_what_there_is_nearly_all_can_be_had() -> None:
    """What a process took ahead and did not use is lost to the others: how much?"""
    chosen = random.Random(7)
    bench = Bench(limit(500), processes=8)
    allowed = sum([(await bench.take(process=chosen.randrange(8))).allowed for _ in range(5000)])
    assert allowed == 500
    uneven = Bench(limit(500), processes=8)
    used = sum([(await uneven.take(process=number % 8)).allowed for number in range(240)])
    used += await uneven.allowed(5000)
    assert 430 <= used <= 500


async def test_all_that_wait_are_one_question() -> None:
    bench = Bench(limit(1000))
    bench.windows.gate = asyncio.Event()
    first = asyncio.ensure_future(bench.take())
    await bench.windows.begun.wait()
    others = [asyncio.ensure_future(bench.take()) for _ in range(100)]
    many = [asyncio.ensure_future(bench.take(f"c{number}")) for number in range(100)]
    await asyncio.sleep(0)
    bench.windows.gate.set()
    found = await asyncio.gather(first, *others, *many)
    assert all(each.allowed for each in found)
    assert [len(each) for each in bench.windows.asked] == [1, 101]


async def test_who_comes_while_an_answer_is_on_its_way_gets_of_it() -> None:
    bench = Bench(limit(1000))
    bucket_of = bench.processes[0]._buckets
    await bench.allowed(50)
    await bench.allowed(bucket_of["a", "*"].tokens)
    before = len(bench.windows.asked)
    bench.windows.gate = asyncio.Event()
    bench.windows.begun.clear()
    first = asyncio.ensure_future(bench.take())
    await bench.windows.begun.wait()
    others = [asyncio.ensure_future(bench.take()) for _ in range(20)]
    await asyncio.sleep(0)
    bench.windows.gate.set()
    assert all(each.allowed for each in await asyncio.gather(first, *others))
    assert len(bench.windows.asked) == before + 1
    assert bench.processes[0]._task is None or bench.processes[0]._task.done()


async def test_of_those_that_wait_the_first_are_served() -> None:
    bench = Bench(limit(10))
    bench.windows.gate = asyncio.Event()
    waiting = [asyncio.ensure_future(bench.take()) for _ in range(30)]
    await bench.windows.begun.wait()
    await asyncio.sleep(0)
    bench.windows.gate.set()
    found = [each.allowed for each in await asyncio.gather(*waiting)]
    assert found == [True] * 10 + [False] * 20


async def test_who_goes_away_leaves_its_token_to_others() -> None:
    bench = Bench(limit(3))
    bench.windows.gate = asyncio.Event()
    waiting = [asyncio.ensure_future(bench.take()) for _ in range(6)]
    await bench.windows.begun.wait()
    for gone in (0, 1, 4):
        waiting[gone].cancel()
    await asyncio.sleep(0)
    bench.windows.gate.set()
    found = await asyncio.gather(*waiting, return_exceptions=True)
    assert [isinstance(each, Taken) and each.allowed for each in found] == [
        False,
        False,
        True,
        True,
        False,
        True,
    ]


# --- the database does not answer ------------------------------------------------------------


async def test_while_the_database_is_away_a_limited_call_is_503() -> None:
    bench = Bench(limit(5))
    bench.windows.down = True
    for _ in range(10):
        with pytest.raises(Refused) as caught:
            await bench.take()
        assert (caught.value.status, dict(caught.value.headers)) == (503, {b"retry-after": b"1"})
    # It is not asked by every request meanwhile.
    assert len(bench.windows.asked) == 1
    bench.windows.down = False
    bench.clock.at += REST_SECONDS
    assert await bench.allowed(9) == 5


async def test_or_it_is_done_by_setting() -> None:
    bench = Bench(limit(5), limits_unknown="allow")
    bench.windows.down = True
    taken = await bench.take()
    assert (taken.allowed, taken.headers) == (True, ())
    assert bench.processes[0].unknown == 1


async def test_tokens_that_are_here_need_no_database() -> None:
    bench = Bench(limit(1000))
    await bench.allowed(100)
    bench.windows.down = True
    tokens = bench.processes[0]._buckets["a", "*"].tokens
    assert tokens > 0
    assert await bench.allowed(tokens) == tokens


@pytest.mark.parametrize("answer", [[], [{}], None, [{"consumer": "a", "call": "*"}]])
async def test_an_answer_that_makes_no_sense_is_none(answer: Any) -> None:
    async def lease(_: Any) -> Any:
        return answer

    here = Limits(settings(), lease, monotonic=Clock(), now=Clock())
    here.update([limit(5)])
    with pytest.raises(Refused) as caught:
        await answered(here.take("a", "x"))
    assert caught.value.status == 503


async def test_nothing_granted_is_the_end_whatever_is_said_to_remain() -> None:
    asked = 0

    async def lease(wanted: Any) -> Any:
        nonlocal asked
        asked += 1
        assert asked < 10, "again and again"
        return [{**each, "granted": 0, "remaining": 5, "resets_in": 50} for each in wanted]

    here = Limits(settings(), lease, monotonic=Clock(), now=Clock())
    here.update([limit(5)])
    taken = await asyncio.gather(*(answered(here.take("a", "x")) for _ in range(20)))
    assert (sum(each.allowed for each in taken), asked) == (0, 1)


async def test_closing_answers_those_that_wait() -> None:
    bench = Bench(limit(5))
    bench.windows.gate = asyncio.Event()
    waiting = asyncio.ensure_future(bench.take())
    await bench.windows.begun.wait()
    await bench.processes[0].close()
    with pytest.raises(Refused):
        await waiting
    assert asyncio.all_tasks() == {asyncio.current_task()}


# --- limits change ---------------------------------------------------------------------------


async def test_a_changed_limit_counts_from_now_on() -> None:
    bench = Bench(limit(5), limit(9, "b", "*"))
    assert await bench.allowed(9) == 5
    await bench.take("b")
    kept = bench.processes[0]._buckets["b", "*"]
    bench.processes[0].update([limit(8), limit(9, "b", "*")])
    assert await bench.allowed(9) == 3
    await bench.take("b")
    assert bench.processes[0]._buckets["b", "*"] is kept
    bench.processes[0].update([])
    assert bench.processes[0].take("a", "x") is FREE


async def test_a_more_specific_limit_takes_over() -> None:
    bench = Bench(limit(5))
    assert await bench.allowed(9) == 5
    bench.processes[0].update([limit(5), limit(2, "a", "x")])
    assert await bench.allowed(9) == 2


async def test_counters_are_bounded() -> None:
    bench = Bench(limit(5))
    bench.processes[0].update([limit(5)])
    for number in range(BUCKETS + 10):
        bench.processes[0]._new(
            (f"c{number}", "*"), f"c{number}", next(iter(bench.processes[0]._limits.values()))
        )
    assert len(bench.processes[0]._buckets) == BUCKETS


async def test_the_control_counts_by_itself_and_lets_eight_times_as_much_through() -> None:
    together, alone = Bench(limit(50), processes=8), [Bench(limit(50)) for _ in range(8)]
    assert sum([await together.allowed(100, process=number) for number in range(8)]) == 50
    assert sum([await each.allowed(100) for each in alone]) == 400


# --- any order of everything -----------------------------------------------------------------


class AnyOrder(RuleBasedStateMachine):
    """Processes, time, faults and cancelled requests in any order: in no window is more admitted
    than the limit, and nobody is refused while the database has tokens left."""

    MOST = 12
    WINDOW = 10

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.clock = Clock()
        self.windows = Windows(self.clock)
        self.here = [
            Limits(settings(), self.windows.lease, monotonic=self.clock, now=self.clock)
            for _ in range(3)
        ]
        for each in self.here:
            each.update([limit(self.MOST, window=self.WINDOW)])
        self.admitted: Counter[tuple[str, int]] = Counter()

    def teardown(self) -> None:
        self.loop.close()

    @rule(
        process=st.integers(0, 2),
        consumer=st.sampled_from("ab"),
        together=st.integers(1, 20),
        cancelled=st.integers(0, 3),
    )
    def requests(self, process: int, consumer: str, together: int, cancelled: int) -> None:
        number = int(self.clock.at // self.WINDOW)

        async def run() -> list[Any]:
            tasks = [
                asyncio.ensure_future(answered(self.here[process].take(consumer, "x")))
                for _ in range(together)
            ]
            await asyncio.sleep(0)
            for task in tasks[:cancelled]:
                task.cancel()
            return await asyncio.gather(*tasks, return_exceptions=True)

        for each in self.loop.run_until_complete(run()):
            if isinstance(each, Taken):
                self.admitted[consumer, number] += each.allowed
                granted = self.windows.granted[consumer, "*", self.WINDOW, number]
                assert each.allowed or (each.retry_after >= 1 and granted == self.MOST)
            else:
                assert isinstance(each, Refused | asyncio.CancelledError)

    @rule(seconds=st.sampled_from([0.001, 0.4, 0.6, 3.0, 9.999, 10.0, 25.0]))
    def time_goes_on(self, seconds: float) -> None:
        self.clock.at += seconds

    @rule(down=st.booleans())
    def the_database_goes_and_comes(self, down: bool) -> None:
        self.windows.down = down

    @rule(process=st.integers(0, 2))
    def a_process_begins_anew(self, process: int) -> None:
        fresh = Limits(settings(), self.windows.lease, monotonic=self.clock, now=self.clock)
        fresh.update([limit(self.MOST, window=self.WINDOW)])
        self.here[process] = fresh

    @invariant()
    def never_more_than_the_limit(self) -> None:
        assert max(self.admitted.values(), default=0) <= self.MOST
        assert max(self.windows.granted.values(), default=0) <= self.MOST


TestAnyOrder = AnyOrder.TestCase
TestAnyOrder.settings = hypothesis_settings(max_examples=40, stateful_step_count=40, deadline=None)
