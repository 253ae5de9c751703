"""Random histories of deliveries, with the clock in the test's hand: after every step the database
says what a model in Python says. What is random there, the jitter, is held to its bounds."""

from __future__ import annotations

import datetime
import json
import random
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from email.utils import format_datetime
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import Phase
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.events import stress
from tests.events.webhooks import ALWAYS, NEVER, call, claim, clock, fan_out, opened, read
from tests.helpers import Connection, connect, one, raises

EXAMPLES = 80 * stress.TORTURE
STEPS = 40
STREAMS = ("a", "b")
SCHEDULES = ([0, 5, 300], [10], [0, 0, 2, 60, 3600])
START = datetime.datetime(2026, 3, 1, tzinfo=datetime.UTC)
DAY = 86_400
DISABLE_AFTER_HOURS = 120
DONE = ("delivered", "dead", "skipped")
REPLAYABLE = ("delivered", "dead", "retry_wait")


def seconds(number: float) -> datetime.timedelta:
    return datetime.timedelta(seconds=number)


@dataclass
class Delivery:
    id: int
    position: int
    stream: str
    made_at: datetime.datetime
    next_at: datetime.datetime
    """When leased: the lease's end."""
    status: str = "pending"
    attempts: int = 0
    token: int = 0
    replays: int = 0
    has_letter: bool = False

    @property
    def waits(self) -> bool:
        return self.status in ("pending", "retry_wait")

    def give_back(self) -> None:
        self.status = "retry_wait" if self.attempts else "pending"
        self.next_at = self.made_at


@dataclass
class Subscription:
    id: str
    is_ordered: bool
    schedule: list[int]
    max_in_flight: int
    start: int
    """Index into the log of events."""
    secrets: list[tuple[str, datetime.datetime]]
    """Newest first, with when each expires."""
    window: int = 2
    status: str = "active"
    failures: int = 0
    failing_since: datetime.datetime | None = None
    paused_until: datetime.datetime = ALWAYS
    disabled_at: int = 0
    deliveries: dict[int, Delivery] = field(default_factory=dict[int, Delivery])
    """By position."""

    @property
    def in_flight(self) -> int:
        return sum(d.status == "leased" for d in self.deliveries.values())

    @property
    def waiting(self) -> list[Delivery]:
        found = [d for d in self.deliveries.values() if d.waits]
        return sorted(found, key=lambda d: (d.next_at, d.id))

    def due(self, now: datetime.datetime) -> list[Delivery]:
        """What a claim without limits gets."""
        slots = self.window - self.in_flight if self.paused_until <= now else 0
        return [d for d in self.waiting if d.next_at <= now][: max(slots, 0)]

    def unblock(self, streams: Iterable[str], now: datetime.datetime) -> None:
        """Of each stream with nothing under way the oldest is due."""
        if not self.is_ordered:
            return
        for stream in set(streams):
            open_ = [d for d in self.deliveries.values() if d.stream == stream]
            open_ = [d for d in open_ if d.status not in DONE]
            if open_ and all(d.next_at == NEVER for d in open_):
                min(open_, key=lambda d: d.position).next_at = now


@dataclass(frozen=True)
class Handle:
    """What a worker has in hand, maybe for too long."""

    subscription: Subscription
    delivery: Delivery
    token: int

    @property
    def is_good(self) -> bool:
        return self.delivery.status == "leased" and self.delivery.token == self.token


@dataclass(frozen=True)
class Outcome:
    name: str
    status_code: int | None = None
    error: str | None = None
    retry_after: str | None = None
    """{} stands for a date that many seconds from now."""
    waits: int | None = None
    """Seconds that Retry-After is read as."""

    @property
    def succeeds(self) -> bool:
        return 200 <= (self.status_code or 0) < 300 and not self.error

    def header(self, now: datetime.datetime) -> str | None:
        if self.retry_after is None or not self.retry_after.startswith("date"):
            return self.retry_after
        at = now + seconds(int(self.retry_after.removeprefix("date")))
        return format_datetime(at, usegmt=True)

    def rest(self, failures: int) -> int:
        """For the endpoint, after so many failures in a row."""
        found = [0, self.waits or 0]
        if self.status_code in (429, 502, 504):
            found.append(min(5 * 2 ** min(failures - 1, 6), 300))
        if failures >= 10:
            found.append(min(2 ** min(failures - 10, 6), 60))
        return max(found)


OUTCOMES = (
    Outcome("200", 200),
    Outcome("204 with an empty error", 204, error=""),
    Outcome("success that asks for rest", 200, retry_after="60"),
    Outcome("301", 301),
    Outcome("500", 500),
    Outcome("410", 410),
    Outcome("429", 429),
    Outcome("429 seconds", 429, retry_after="90", waits=90),
    Outcome("503 date", 503, retry_after="date4000", waits=4000),
    Outcome("503 past date", 503, retry_after="date-4000"),
    Outcome("503 negative", 503, retry_after="-7"),
    Outcome("503 absurd", 503, retry_after="99999999999999999999", waits=DAY),
    Outcome("503 absurd date", 503, retry_after="date99999999", waits=DAY),
    Outcome("503 garbage", 503, retry_after="soon"),
    Outcome("time-out", error="timeout: no answer within 20 s"),
    Outcome("no word", None),
    Outcome("200 cut short", 200, error="protocol: cut short"),
    Outcome("blocked", error="blocked: not public"),
)
SUCCESS, FAILURE = OUTCOMES[0], Outcome("500", 500)
EXPECTED_STEPS = (
    *(f"settled {each.name}" for each in OUTCOMES),
    *(
        "claimed",
        "stale",
        "outrun",
        "lease expired",
        "released",
        "dead",
        "replayed",
        "requeued",
        "rotated",
    ),
    *("queued", "enabled with replay", "enabled without", "disabled", "paused", "deleted"),
    *("disabled after long", "blocked behind another", "slot kept back"),
)


class DeliveryMachine(RuleBasedStateMachine):
    """A history has subscriptions of its own, which it deletes; events stay, and are nobody's."""

    conn: Connection
    happened: Counter[str]
    """Over all histories, to know that each kind of step was met."""

    now = START
    """Over all histories too: time goes forward only."""

    def __init__(self) -> None:
        super().__init__()
        self.log: list[tuple[int, str]] = []
        """Position and stream."""
        self.fanned_out = 0
        self.subscriptions: list[Subscription] = []
        self.handles: list[Handle] = []

    def teardown(self) -> None:
        for each in self.live:
            call(self.conn, "delete_subscription", subscription_id=each.id)

    @property
    def live(self) -> list[Subscription]:
        return [each for each in self.subscriptions if each.status != "deleted"]

    def move_clock(self, by: datetime.timedelta) -> None:
        type(self).now += by
        clock(self.conn, self.now.isoformat())

    # --- subscriptions -----------------------------------------------------------------------

    @initialize(chance=st.randoms(use_true_random=True))
    def begin(self, chance: random.Random) -> None:
        """The database's chance is the history's too, so that it can be repeated."""
        self.conn.execute("select setseed(%s)", [chance.random()])
        self.move_clock(seconds(1))
        fan_out(self.conn)

    @initialize(data=st.data())
    def subscribe_first(self, data: st.DataObject) -> None:
        self.subscribe(data)

    @rule(data=st.data())
    def administer(self, data: st.DataObject) -> None:
        """One rule for all of this, because it is rare beside the traffic."""
        statuses = {each.status for each in self.live}
        possible = {
            self.subscribe: len(self.live) < 3,
            self.pause: "active" in statuses and "paused" not in statuses,
            self.resume: "paused" in statuses,
            self.disable: bool(statuses) and "disabled" not in statuses,
            self.enable: "disabled" in statuses,
            self.delete: len(self.live) == 3,
            self.rotate: bool(statuses),
        }
        actions = [action for action, is_possible in possible.items() if is_possible]
        data.draw(st.sampled_from(actions), "action")(data)

    @precondition(lambda self: any(each.status == "disabled" for each in self.live))
    @rule(data=st.data())
    def enable_again(self, data: st.DataObject) -> None:
        """It happens by itself too, and then little else does."""
        self.enable(data)

    def subscribe(self, data: st.DataObject) -> None:
        is_ordered = data.draw(st.booleans(), "ordered")
        schedule = data.draw(st.sampled_from(SCHEDULES), "schedule")
        window = data.draw(st.integers(1, 5), "window")
        made = call(
            self.conn,
            "create_subscription",
            url="https://example.com/",
            event_types=["Happened"],
            is_ordered=is_ordered,
            retry_schedule=schedule,
            max_in_flight=window,
        )
        self.subscriptions.append(
            Subscription(
                *(str(made["subscription_id"]), is_ordered, schedule, window, len(self.log)),
                [(made["secret"], NEVER)],
                window=min(2, window),
            )
        )

    def draw(self, data: st.DataObject, status: str | None = None) -> Subscription:
        found = [each for each in self.live if status is None or each.status == status]
        return data.draw(st.sampled_from(found), "subscription")

    def pause(self, data: st.DataObject) -> None:
        subscription = self.draw(data, "active")
        call(self.conn, "pause_subscription", subscription_id=subscription.id)
        subscription.status = "paused"
        self.happened["paused"] += 1

    def resume(self, data: st.DataObject) -> None:
        subscription = self.draw(data, "paused")
        call(self.conn, "resume_subscription", subscription_id=subscription.id)
        subscription.status = "active"

    def disable(self, data: st.DataObject) -> None:
        subscription = self.draw(data)
        call(self.conn, "disable_subscription", subscription_id=subscription.id, reason="x")
        self.disable_in_model(subscription)

    def disable_in_model(self, subscription: Subscription) -> None:
        if subscription.status != "disabled":
            subscription.status, subscription.disabled_at = "disabled", self.fanned_out
            self.happened["disabled"] += 1

    def enable(self, data: st.DataObject) -> None:
        subscription = self.draw(data, "disabled")
        replay = data.draw(st.booleans(), "replay")
        first = max(subscription.disabled_at, subscription.start)
        answer = call(
            self.conn, "enable_subscription", subscription_id=subscription.id, replay=replay
        )
        missed = self.log[first : self.fanned_out] if replay else []
        queued = self.queue(subscription, missed)
        assert answer == {"enabled": True, "queued": queued, "lag": 0}
        if not replay:
            subscription.start = len(self.log)
        subscription.status, subscription.failures = "active", 0
        subscription.failing_since, subscription.paused_until = None, ALWAYS
        subscription.window = min(2, subscription.max_in_flight)
        self.happened["enabled with replay" if replay else "enabled without"] += 1

    def delete(self, data: st.DataObject) -> None:
        subscription = self.draw(data)
        skipped = [d for d in subscription.deliveries.values() if d.status not in DONE]
        assert call(self.conn, "delete_subscription", subscription_id=subscription.id) == len(
            skipped
        )
        subscription.status = "deleted"
        for each in skipped:
            each.status = "skipped"
        self.happened["deleted"] += 1

    def rotate(self, data: st.DataObject) -> None:
        subscription, hours = self.draw(data), data.draw(st.sampled_from((0, 1, 24)), "hours")
        answer = call(
            self.conn,
            "rotate_subscription_secret",
            subscription_id=subscription.id,
            overlap_hours=hours,
        )
        until = self.now + seconds(3600 * hours)
        kept = [(secret, min(end, until)) for secret, end in subscription.secrets]
        kept = [(secret, end) for secret, end in kept[:4] if end > self.now]
        subscription.secrets = [(answer["secret"], NEVER), *kept]
        self.happened["rotated"] += 1

    # --- from the event to the lease ---------------------------------------------------------

    def append(self, stream: str, number: int) -> None:
        for _ in range(number):
            made = one(
                self.conn,
                "select dbkit.append_event('thing', %s, 'Happened', '{}')",
                f"{id(self)}-{stream}",
            )
            self.log.append((made["position"], stream))

    def fan_out(self) -> None:
        news = self.log[self.fanned_out :]
        queued = 0
        for each in self.subscriptions:
            if each.status in ("active", "paused"):
                queued += self.queue(each, self.log[max(self.fanned_out, each.start) :])
        answer = fan_out(self.conn)
        self.adopt_ids()
        assert (answer["deliveries"], answer["lag"]) == (queued, 0)
        self.fanned_out += len(news)

    def queue(self, subscription: Subscription, events: list[tuple[int, str]]) -> int:
        """In the model; how many."""
        made = [event for event in events if event[0] not in subscription.deliveries]
        for position, stream in made:
            delay = seconds(subscription.schedule[0])
            next_at = NEVER if subscription.is_ordered else self.now + delay
            subscription.deliveries[position] = Delivery(0, position, stream, self.now, next_at)
        subscription.unblock((stream for _, stream in made), self.now)
        self.happened["queued"] += len(made)
        self.happened["blocked behind another"] += any(
            d.next_at == NEVER for d in subscription.waiting
        )
        self.adopt_ids()
        return len(made)

    def adopt_ids(self) -> None:
        found = {
            (str(each["subscription_id"]), each["position"]): each["delivery_id"]
            for each in self.stored()
        }
        for subscription in self.subscriptions:
            for each in subscription.deliveries.values():
                each.id = found.get((subscription.id, each.position), 0)

    def claim(self, limit: int, lease: int) -> None:
        """With 100 exactly what is due, oldest first; with 3 each one that waits gets its turn."""
        expected: dict[str, list[Delivery]] = {}
        for each in self.subscriptions:
            if each.status == "active":
                self.expire(each)
                expected[each.id] = each.due(self.now)
                due = [d for d in each.waiting if d.next_at <= self.now]
                self.happened["slot kept back"] += len(due) > len(expected[each.id])
        got: dict[str, list[dict[str, Any]]] = {}
        for found in claim(self.conn, limit, lease):
            got.setdefault(str(found["subscription_id"]), []).append(found)
        assert set(got) == {name for name, due in expected.items() if due}
        assert sum(map(len, got.values())) <= limit
        for subscription in self.subscriptions:
            due = expected.get(subscription.id, [])
            mine = got.get(subscription.id, [])
            number = len(due) if limit == 100 else len(mine)
            self.take(subscription, mine, due[:number], lease)

    def expire(self, subscription: Subscription) -> None:
        for each in subscription.deliveries.values():
            if each.status == "leased" and each.next_at <= self.now:
                each.give_back()
                self.happened["lease expired"] += 1

    def take(
        self,
        subscription: Subscription,
        got: list[dict[str, Any]],
        taken: list[Delivery],
        lease: int,
    ) -> None:
        assert {each["delivery_id"] for each in got} == {each.id for each in taken}
        by_id = {each["delivery_id"]: each for each in got}
        for each in taken:
            found = by_id[each.id]
            each.status, each.next_at = "leased", self.now + seconds(lease)
            each.token += 1
            assert (found["token"], found["attempt"]) == (each.token, each.attempts + 1)
            assert found["leased_until"] == each.next_at
            assert json.loads(found["body"])["event"]["position"] == each.position
            self.handles.append(Handle(subscription, each, each.token))
            self.happened["claimed"] += 1

    @rule(chance=st.randoms(use_true_random=True))
    def work(self, chance: random.Random) -> None:
        """The way of all events, else few would come to an end. By chance, because what Hypothesis
        draws is mostly the same."""
        self.append(chance.choice(STREAMS), chance.randint(0, 3))
        self.fan_out()
        for _ in range(chance.randint(1, 4)):
            self.wait_for_what_is_next()
            self.claim(100, chance.choice((10, 60, 3600)))
            self.deliveries_are_as_in_the_model()
            for handle in chance.sample(self.good, chance.randint(0, len(self.good))):
                self.settle_as([handle], [chance.choice((SUCCESS, *OUTCOMES))])
                self.queues_are_as_in_the_model()

    @rule(chance=st.randoms(use_true_random=True))
    def traffic(self, chance: random.Random) -> None:
        """Each of its parts for itself, in any order."""
        part = chance.randrange(5)
        if part == 0:
            self.append(chance.choice(STREAMS), chance.randint(1, 4))
        elif part == 1:
            self.fan_out()
        elif part == 2:
            self.claim(chance.choice((3, 100)), chance.choice((10, 60, 3600)))
        elif part == 3:
            self.move_clock(seconds(chance.choice((1, 7, 61, 3600, 30 * 3600, 130 * 3600))))
        else:
            self.wait_for_what_is_next()

    # --- what becomes of it ------------------------------------------------------------------

    def some_handles(self, chance: random.Random) -> list[Handle]:
        """Of different deliveries; good ones more often than those from the past."""
        pool = self.good if self.good and chance.random() < 0.8 else self.handles
        by_delivery = {each.delivery.id: each for each in chance.sample(pool, len(pool))}
        return list(by_delivery.values())[: chance.randint(1, 5)]

    @property
    def good(self) -> list[Handle]:
        return [each for each in self.handles if each.is_good]

    @precondition(lambda self: self.good)
    @rule(chance=st.randoms(use_true_random=True))
    def sleep_beyond_the_lease(self, chance: random.Random) -> None:
        """And speak when another may have the delivery."""
        handle = chance.choice(self.good)
        self.move_clock(handle.delivery.next_at + seconds(1) - self.now)
        self.claim(100, 3600)
        self.happened["outrun"] += handle.delivery.status == "leased" and not handle.is_good
        self.settle_as([handle], [chance.choice((SUCCESS, FAILURE))])

    @precondition(lambda self: self.good)
    @rule(chance=st.randoms(use_true_random=True))
    def fail_for_long(self, chance: random.Random) -> None:
        subscription = chance.choice(self.good).subscription
        for _ in range(3):
            handles = [each for each in self.good if each.subscription is subscription]
            self.settle_as(handles[:1], [FAILURE][: len(handles)])
            self.move_clock(seconds(60 * 3600))
            self.claim(100, 3600)

    @precondition(lambda self: self.handles)
    @rule(chance=st.randoms(use_true_random=True))
    def settle(self, chance: random.Random) -> None:
        """Several in one call."""
        handles = self.some_handles(chance)
        self.settle_as(handles, [chance.choice((SUCCESS, *OUTCOMES)) for _ in handles])

    def settle_as(self, handles: list[Handle], outcomes: list[Outcome]) -> None:
        said = [
            {
                "delivery_id": handle.delivery.id,
                "token": handle.token,
                "status_code": outcome.status_code,
                "error": outcome.error,
                "retry_after": outcome.header(self.now),
            }
            for handle, outcome in zip(handles, outcomes, strict=True)
        ]
        answer = one(self.conn, "select dbkit.settle_deliveries(%s)", json.dumps(said))
        stale = [handle.delivery.id for handle in handles if not handle.is_good]
        assert answer["settled"] == len(handles) - len(stale)
        assert sorted(answer["stale"]) == sorted(stale)
        self.happened["stale"] += len(stale)
        pairs = [p for p in zip(handles, outcomes, strict=True) if p[0].is_good]
        self.succeed([handle for handle, outcome in pairs if outcome.succeeds])
        for handle, outcome in pairs:
            self.happened[f"settled {outcome.name}"] += 1
            if not outcome.succeeds:
                self.fail(handle.subscription, handle.delivery, outcome)

    def succeed(self, handles: list[Handle]) -> None:
        for handle in handles:
            subscription, delivery = handle.subscription, handle.delivery
            delivery.status, delivery.attempts = "delivered", delivery.attempts + 1
            subscription.window = min(subscription.window + 1, subscription.max_in_flight)
            subscription.failures, subscription.failing_since = 0, None
        for handle in handles:
            handle.subscription.unblock([handle.delivery.stream], self.now)

    def fail(self, subscription: Subscription, delivery: Delivery, outcome: Outcome) -> None:
        delivery.attempts += 1
        is_final = outcome.status_code == 410 or (outcome.error or "").startswith("blocked")
        if is_final or delivery.attempts >= len(subscription.schedule):
            delivery.status, delivery.has_letter = "dead", True
            self.happened["dead"] += 1
        else:
            delivery.status = "retry_wait"
            self.check_jitter(
                delivery, subscription.schedule[delivery.attempts], outcome.waits or 0
            )
        subscription.window, subscription.failures = 1, subscription.failures + 1
        subscription.failing_since = subscription.failing_since or self.now
        rest = self.now + seconds(outcome.rest(subscription.failures))
        subscription.paused_until = max(subscription.paused_until, rest)
        if delivery.status == "dead":
            subscription.unblock([delivery.stream], self.now)
        long = subscription.failing_since <= self.now - seconds(3600 * DISABLE_AFTER_HOURS)
        self.happened["disabled after long"] += long and subscription.status != "disabled"
        if outcome.status_code == 410 or long:
            self.disable_in_model(subscription)

    def check_jitter(self, delivery: Delivery, delay: int, waits: int) -> None:
        """The only thing that the model has from the database, once it is within its bounds."""
        (found,) = (each for each in self.stored() if each["delivery_id"] == delivery.id)
        delivery.next_at = found["next_attempt_at"]
        waited = (delivery.next_at - self.now).total_seconds()
        assert max(0.8 * delay, waits) - 0.001 <= waited <= max(1.2 * delay, waits) + 0.001

    @precondition(lambda self: self.handles)
    @rule(chance=st.randoms(use_true_random=True))
    def release(self, chance: random.Random) -> None:
        handles = self.some_handles(chance)
        good = [handle for handle in handles if handle.is_good]
        said = [{"delivery_id": h.delivery.id, "token": h.token} for h in handles]
        answer = one(self.conn, "select dbkit.release_deliveries(%s)", json.dumps(said))
        assert answer == len(good)
        for handle in good:
            handle.delivery.give_back()
            self.happened["released"] += 1

    # --- again -------------------------------------------------------------------------------

    @precondition(lambda self: any(each.status in ("active", "paused") for each in self.live))
    @rule(data=st.data(), status=st.sampled_from(REPLAYABLE))
    def replay(self, data: st.DataObject, status: str) -> None:
        enabled = [each for each in self.live if each.status != "disabled"]
        subscription = data.draw(st.sampled_from(enabled), "subscription")
        again = [d for d in subscription.deliveries.values() if d.status == status]
        answer = call(
            self.conn, "replay_deliveries", subscription_id=subscription.id, status=status
        )
        assert answer == {"replayed": len(again), "queued": 0, "next_position": None}
        self.restart(subscription, again)
        self.happened["replayed"] += len(again)

    def restart(self, subscription: Subscription, again: list[Delivery]) -> None:
        for each in again:
            each.status, each.attempts, each.replays = "pending", 0, each.replays + 1
            each.next_at = NEVER if subscription.is_ordered else self.now
            each.has_letter = False
        subscription.unblock((each.stream for each in again), self.now)

    @precondition(lambda self: self.open_letters())
    @rule(data=st.data(), again=st.booleans())
    def resolve(self, data: st.DataObject, again: bool) -> None:
        if again:
            self.requeue(data)
        else:
            self.discard(data)

    def open_letters(self) -> list[tuple[Subscription, Delivery]]:
        return [(s, d) for s in self.subscriptions for d in s.deliveries.values() if d.has_letter]

    def letter_of(self, delivery: Delivery) -> int:
        return int(
            one(
                self.conn,
                "select dead_letter_id from dbkit.event_dead_letters"
                " where delivery_id = %s and status = 'open'",
                delivery.id,
            )
        )

    def requeue(self, data: st.DataObject) -> None:
        subscription, delivery = data.draw(st.sampled_from(self.open_letters()), "letter")
        letter = self.letter_of(delivery)
        refused = {"deleted": "KD520", "disabled": "KD524"}.get(subscription.status)
        if refused:
            with raises(self.conn, refused):
                call(self.conn, "requeue_dead_letters", dead_letter_ids=[letter])
            return
        assert call(self.conn, "requeue_dead_letters", dead_letter_ids=[letter]) == 1
        self.restart(subscription, [delivery])
        self.happened["requeued"] += 1

    def discard(self, data: st.DataObject) -> None:
        _, delivery = data.draw(st.sampled_from(self.open_letters()), "letter")
        letter = self.letter_of(delivery)
        call(self.conn, "discard_dead_letters", dead_letter_ids=[letter], reason="x")
        delivery.has_letter = False

    # --- time --------------------------------------------------------------------------------

    def wait_for_what_is_next(self) -> None:
        ends = [
            end
            for each in self.live
            for end in (each.paused_until, *(d.next_at for d in each.deliveries.values()))
            if self.now < end < NEVER
        ]
        if ends:
            self.move_clock(min(ends) - self.now)

    # --- what must hold after every step -----------------------------------------------------

    def stored(self) -> list[dict[str, Any]]:
        return read(
            self.conn,
            "select delivery_id, subscription_id, position, status, attempts, token, replays,"
            " next_attempt_at from dbkit.event_delivery_log"
            " where subscription_id = any (%s::uuid[])",
            [each.id for each in self.subscriptions],
        )

    @invariant()
    def deliveries_are_as_in_the_model(self) -> None:
        found = {
            (str(d["subscription_id"]), d["position"]): (
                *(d["status"], d["attempts"], d["token"], d["replays"]),
                None if d["status"] in DONE else d["next_attempt_at"],
            )
            for d in self.stored()
        }
        assert found == {
            (each.id, d.position): (
                *(d.status, d.attempts, d.token, d.replays),
                None if d.status in DONE else d.next_at,
            )
            for each in self.subscriptions
            for d in each.deliveries.values()
        }

    @invariant()
    def queues_are_as_in_the_model(self) -> None:
        found = read(self.conn, "select * from dbkit.event_delivery_queues")
        by_id = {str(each["subscription_id"]): each for each in found}
        assert set(by_id) == {each.id for each in self.live}
        for each in self.live:
            queue = by_id[each.id]
            assert (queue["is_active"], queue["send_window"], queue["in_flight"]) == (
                *(each.status == "active", each.window, each.in_flight),
            )
            assert (queue["consecutive_failures"], queue["failing_since"]) == (
                *(each.failures, each.failing_since),
            )
            assert max(queue["paused_until"], self.now) == max(each.paused_until, self.now)
            leases = [d.next_at for d in each.deliveries.values() if d.status == "leased"]
            assert queue["due_at"] <= queue["lease_ends_at"] <= min(leases, default=NEVER)
            if each.in_flight < each.window and each.waiting:
                first = max(self.now, each.paused_until, each.waiting[0].next_at)
                assert queue["due_at"] <= first, "nobody would wake"

    @invariant()
    def letters_are_as_in_the_model(self) -> None:
        found = read(
            self.conn,
            "select delivery_id from dbkit.event_dead_letters"
            " where status = 'open' and source_name = any (%s)",
            [each.id for each in self.subscriptions],
        )
        ids = sorted(d.id for _, d in self.open_letters())
        assert sorted(each["delivery_id"] for each in found) == ids

    @invariant()
    def secrets_are_as_in_the_model(self) -> None:
        found = read(
            self.conn,
            "select subscription_id, secrets from dbkit.get_signing_secrets(%s::uuid[])",
            [each.id for each in self.live],
        )
        assert {str(each["subscription_id"]): each["secrets"] for each in found} == {
            each.id: [secret for secret, end in each.secrets if end > self.now]
            for each in self.live
        }


def run(conn: Connection, examples: int, **more: Any) -> Counter[str]:
    """What happened in so many histories."""

    class Machine(DeliveryMachine):
        pass

    Machine.conn, Machine.happened = conn, Counter()
    chosen = stress.history_settings(examples, STEPS, **more)
    run_state_machine_as_test(Machine, settings=chosen)
    return Machine.happened


def test_random_histories_agree_with_the_model(database: str) -> None:
    with opened(database) as conn:
        happened = run(conn, EXAMPLES)
    print(f"{EXAMPLES} histories: {dict(happened)}")
    assert [step for step in EXPECTED_STEPS if not happened[step]] == []


MUTATIONS = {
    "settles without the token": ("settle_deliveries", "l.token = r.token and ", ""),
    "fails without the token": (
        "_fail_delivery",
        "or v_delivery.token is distinct from p_token",
        "",
    ),
    "nobody is woken": (
        "_wake_delivery_queues",
        "q.due_at > greatest(v_now, q.paused_until)",
        "false",
    ),
    "a stream stays blocked": ("_unblock_streams", "limit 1) as head", "limit 0) as head"),
    "two of a stream at a time": (
        *("_unblock_streams", "where head.next_attempt_at = 'infinity'"),
        "where head.next_attempt_at is not null",
    ),
    "leases never end": ("claim_deliveries", "where q.lease_ends_at <= v_now", "where false"),
    "the window grows too far": (
        "settle_deliveries",
        "least(q.send_window + c.n, s.max",
        "(50 * s.max",
    ),
    "a failure keeps the window": ("_slow_endpoint", "send_window = 1,", ""),
    "too much jitter": ("_retry_delay", "0.4 * p_random", "0.8 * p_random"),
    "Retry-After is not the least": ("_retry_delay", ", p_retry_after_s)", ", 0)"),
    "410 is tried again": ("_fail_delivery", "p_status_code is distinct from 410 and ", ""),
    "a release counts": (
        "release_deliveries",
        "set status = case",
        "set attempts = 9, status = case",
    ),
    "a replay keeps the attempts": ("_restart_deliveries", "attempts = 0", "attempts = d.attempts"),
    "an old secret lasts": (
        "rotate_subscription_secret",
        "least(s.expires_at, v_expires_at)",
        "null",
    ),
}
"""Function, what is taken out, what comes instead."""


@pytest.mark.parametrize("mutation", MUTATIONS)
def test_a_mutation_is_found(database: str, mutation: str) -> None:
    """The control: the model would notice."""
    function, old, new = MUTATIONS[mutation]
    with connect(database, autocommit=True) as conn:
        definition = one(
            conn,
            "select pg_get_functiondef(p.oid) from pg_proc p"
            " where p.pronamespace = 'dbkit'::regnamespace and p.proname = %s",
            function,
        )
        assert old in definition
        conn.execute(definition.replace(old, new).encode())
    with opened(database) as conn, pytest.raises(AssertionError):
        # Finding is enough: nobody reads the smallest example.
        run(conn, 300, phases=[Phase.generate], report_multiple_bugs=False)
