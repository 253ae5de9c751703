"""A command with a key has one effect and one answer, whoever sends it how often at once."""

from __future__ import annotations

import json
import random
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg
import pytest

from tests.cqrs.parts import Json, added, execute, logged
from tests.events import stress
from tests.events.projections import wait_for_lock
from tests.helpers import Connection, connect, one, rows

AT_ONCE = 50
AS_ADA = "-c role=authenticated -c dbkit.user_id=ada"


@contextmanager
def ada(url: str, **options: Any) -> Iterator[Connection]:
    with connect(url, options=AS_ADA, **options) as conn:
        yield conn


@dataclass
class Sender:
    """Sends one command as soon as all have connected, again while it could not be serialized."""

    url: str
    payload: object
    level: str = "read committed"
    retries: int = 0

    def send(self, barrier: threading.Barrier) -> Json | str:
        with ada(self.url, autocommit=True) as conn:
            barrier.wait(60)
            while True:
                try:
                    return self.once(conn)
                except psycopg.Error as error:
                    if error.sqlstate != "40001":
                        return error.sqlstate or "?"
                    self.retries += 1

    def once(self, conn: Connection) -> Json:
        with conn.transaction():
            conn.execute(f"set transaction isolation level {self.level}".encode())
            return execute(conn, "add", self.payload, "k")


def send_all(senders: list[Sender]) -> list[Json | str]:
    barrier = threading.Barrier(len(senders))
    with ThreadPoolExecutor(len(senders)) as pool:
        return list(pool.map(lambda sender: sender.send(barrier), senders))


def answers_of(told: list[Json | str]) -> list[Json]:
    return [each for each in told if isinstance(each, dict)]


def test_50_calls_with_one_key_have_one_effect_and_one_answer(shop_url: str) -> None:
    told = send_all([Sender(shop_url, {"cart": "c"})] * AT_ONCE)
    answers = answers_of(told)
    assert len(answers) == AT_ONCE, told
    assert [answer["replayed"] for answer in answers].count(False) == 1
    assert len({json.dumps(answer | {"replayed": None}) for answer in answers}) == 1
    with connect(shop_url) as conn:
        assert (added(conn), logged(conn)) == (1, 1)


def test_control_50_calls_without_a_key_have_50_effects(shop_url: str) -> None:
    def send(_: int) -> None:
        with ada(shop_url, autocommit=True) as conn:
            execute(conn, "add")

    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(send, range(AT_ONCE)))
    with connect(shop_url) as conn:
        assert (added(conn), logged(conn)) == (AT_ONCE, AT_ONCE)


def test_so_it_is_in_every_isolation_level_at_once(shop_url: str) -> None:
    """Whose snapshot is older than the first answer gets 40001, never a second effect."""
    levels = ("read committed", "repeatable read", "serializable")
    senders = [Sender(shop_url, {"cart": "c"}, levels[n % 3]) for n in range(24)]
    answers = answers_of(send_all(senders))
    assert len(answers) == 24
    assert len({answer["command_id"] for answer in answers}) == 1
    with connect(shop_url) as conn:
        assert (added(conn), logged(conn)) == (1, 1)


def test_of_two_payloads_with_one_key_the_first_is_done(shop_url: str) -> None:
    payloads = [{"cart": "c", "n": n % 2} for n in range(AT_ONCE)]
    told = send_all([Sender(shop_url, payload) for payload in payloads])
    answers = answers_of(told)
    assert Counter(each for each in told if isinstance(each, str)) == {"KD603": AT_ONCE // 2}
    assert len({answer["command_id"] for answer in answers}) == 1
    with connect(shop_url) as conn:
        assert (added(conn), logged(conn)) == (1, 1)


@pytest.mark.parametrize("how", ["rolled back", "killed"])
def test_who_waits_for_a_command_that_fails_does_it(shop_url: str, how: str) -> None:
    admin = connect(shop_url, autocommit=True)
    with admin, ada(shop_url) as first, ada(shop_url, autocommit=True) as second:
        undone = execute(first, "add", key="k")
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(execute, second, "add", None, "k")
            wait_for_lock(admin, second.info.backend_pid)
            if how == "killed":
                one(admin, "select pg_terminate_backend(%s)", first.info.backend_pid)
                first.close()
            else:
                first.rollback()
            answer = waiting.result(60)
        assert not answer["replayed"]
        assert answer["command_id"] != undone["command_id"]
        assert (added(admin), logged(admin)) == (1, 1)


def test_a_rolled_back_command_leaves_its_key_free(shop_url: str) -> None:
    with ada(shop_url) as conn:
        execute(conn, "add", key="k")
        conn.rollback()
        assert not execute(conn, "add", {"cart": "c", "other": True}, "k")["replayed"]
        with conn.transaction(force_rollback=True):
            execute(conn, "add", key="k2")
        assert not execute(conn, "add", key="k2")["replayed"], "also after a savepoint"
        conn.commit()
    with connect(shop_url) as conn:
        assert (added(conn), logged(conn)) == (2, 2)


# --- many keys, many troubles ----------------------------------------------------------------

CLIENTS = 8
KEYS = 60 * stress.TORTURE
ENDINGS = {"commit": 5, "rollback": 2, "killed": 1, "savepoint undone": 1, "answer lost": 2}


@dataclass
class Client:
    """Sends every command until it has an answer that is committed for sure."""

    url: str
    number: int
    with_keys: bool
    answers: dict[str, set[str]] = field(default_factory=dict)
    happened: Counter[str] = field(default_factory=Counter)

    def run(self) -> None:
        chance = random.Random(f"{stress.SEED} {self.number}")
        keys = [f"k{n}" for n in range(KEYS)]
        # Much the same order, so that they meet.
        keys.sort(key=lambda key: int(key[1:]) + chance.random() * 6)
        conn = self.connect()
        for key in keys:
            while not self.attempt(conn, key, chance):
                if conn.closed:
                    conn = self.connect()
        conn.close()

    def connect(self) -> Connection:
        return connect(self.url, options=AS_ADA)

    def attempt(self, conn: Connection, key: str, chance: random.Random) -> bool:
        ending = chance.choices(list(ENDINGS), list(ENDINGS.values()))[0]
        self.happened[ending] += 1
        payload = {"cart": key}
        if ending == "savepoint undone":
            with conn.transaction(force_rollback=True):
                execute(conn, "add", payload, key if self.with_keys else None)
        answer = execute(conn, "add", payload, key if self.with_keys else None)
        conn.execute("select pg_sleep(%s)", [chance.choice((0, 0, 0.001, 0.005))])
        if ending == "killed":
            with connect(self.url, autocommit=True) as other:
                one(other, "select pg_terminate_backend(%s)", conn.info.backend_pid)
            with pytest.raises(psycopg.OperationalError):
                conn.execute("commit")
            conn.close()
        elif ending == "rollback":
            conn.rollback()
        else:
            conn.commit()
            self.answers.setdefault(key, set()).add(answer["command_id"])
        return ending in ("commit", "savepoint undone")


def run_clients(url: str, *, with_keys: bool) -> list[Client]:
    clients = [Client(url, number, with_keys) for number in range(CLIENTS)]
    with ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(Client.run, clients))
    return clients


def effects(url: str) -> dict[str, int]:
    with connect(url) as conn:
        found = rows(
            conn,
            "select aggregate_id, count(*) as n from dbkit.event_store"
            " where aggregate_type = 'cart' group by 1",
        )
    return {each["aggregate_id"]: each["n"] for each in found}


def test_every_key_has_one_effect_and_one_answer(shop_url: str) -> None:
    clients = run_clients(shop_url, with_keys=True)
    happened: Counter[str] = sum((client.happened for client in clients), Counter())
    print(f"seed {stress.SEED}: {KEYS} keys sent by {CLIENTS} clients: {dict(happened)}")
    assert effects(shop_url) == {f"k{n}": 1 for n in range(KEYS)}
    for key in effects(shop_url):
        assert len({one_id for client in clients for one_id in client.answers[key]}) == 1
    with connect(shop_url) as conn:
        assert logged(conn) == KEYS
    assert happened.keys() == ENDINGS.keys()


def test_control_without_keys_effects_are_doubled(shop_url: str) -> None:
    clients = run_clients(shop_url, with_keys=False)
    assert len(clients) == CLIENTS
    assert sum(effects(shop_url).values()) > KEYS * CLIENTS, "answers that were lost came twice"
