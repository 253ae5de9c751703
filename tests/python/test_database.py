"""Pools: the request context stays in its transaction, and only what is safe is done again.

Faults are real: backends are terminated while they wait for an advisory lock that the test holds.
"""

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg
import psycopg_pool
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dbkit import AsyncDatabase, Database, OutcomeUnknown, RequestContext, Retry, errors
from dbkit.call import Call
from dbkit.calls import api, core
from dbkit.codec import nothing, scalar
from dbkit.database import Stage, lost_connection, may_retry
from tests.helpers import connect

SETUP = """
create table public.counter (id int primary key, n int not null);
insert into public.counter values (1, 0);
create function public.bump(p_wait boolean) returns int language plpgsql volatile as $$
declare
  v_n int;
begin
  perform n from public.counter;
  if p_wait then
    perform pg_advisory_xact_lock(7);
  end if;
  update public.counter set n = n + 1 returning n into v_n;
  return v_n;
end $$;
create function public.keyed_bump() returns int language plpgsql volatile as $$
begin
  perform pg_advisory_xact_lock(7);
  if not pg_try_advisory_xact_lock(8) then
    perform dbkit.raise_error('KD111', 'still running');
  end if;
  return public.bump(false);
end $$;
create function public.wait_at_commit() returns trigger language plpgsql as $$
begin
  perform pg_advisory_xact_lock(7);
  return null;
end $$;
create table public.deferred (id int);
create constraint trigger waiting after insert on public.deferred
  deferrable initially deferred for each row execute function public.wait_at_commit();
create function public.refuse_at_commit() returns trigger language plpgsql as $$
begin
  perform dbkit.raise_error('KD004', 'refused at commit');
  return null;
end $$;
create table public.refused (id int);
create constraint trigger refusing after insert on public.refused
  deferrable initially deferred for each row execute function public.refuse_at_commit();
"""

KILL_OTHERS = """
select pg_terminate_backend(pid, 10000) from pg_stat_activity
where datname = current_database() and pid <> pg_backend_pid()
"""

ALICE = RequestContext(user_id="alice", app_version="1.4.0")
READ_USER = core.context_value("user_id")
WHOLE_CONTEXT = core.request_context()
BUMP = Call("bump", "select public.bump(false)", (), scalar)
SLOW_BUMP = Call("bump", "select public.bump(true)", (), scalar)
SLOW_READ = Call("read", "select pg_advisory_xact_lock_shared(7)::text", (), nothing, True)
COUNT: Call[int] = Call("count", "select n from public.counter", (), scalar, True)
INSERT = Call("insert", "insert into public.deferred values (1) returning id", (), scalar)
REFUSED = Call("insert", "insert into public.refused values (1) returning id", (), scalar)
PID = Call("pid", "select pg_backend_pid()", (), scalar, True)
ROLE = Call("role", "select current_user::text", (), scalar, True)
BROKEN = Call("broken", "select 1 / 0", (), scalar)


@dataclass
class Pauses:
    """A Retry that does not wait, and what it was asked to wait."""

    seconds: list[float] = field(default_factory=list[float])

    async def sleep(self, seconds: float) -> None:
        self.seconds.append(seconds)

    def retry(self, attempts: int = 5) -> Retry:
        return Retry(
            attempts=attempts,
            random=lambda: 1.0,
            sleep=self.seconds.append,
            async_sleep=self.sleep,
        )


@pytest.fixture
def pauses() -> Pauses:
    return Pauses()


@pytest.fixture
def url(database: str) -> str:
    with connect(database, autocommit=True) as conn:
        conn.execute(SETUP.encode())
    return database


@pytest.fixture
def db(url: str, pauses: Pauses) -> Iterator[Database]:
    with Database(url, min_size=1, max_size=2, retry=pauses.retry()) as db:
        yield db


class Fault:
    """Holds the lock that slow calls wait for, and does something once they do."""

    def __init__(self, url: str) -> None:
        self.connection = connect(url, autocommit=True)

    def waiting(self) -> int:
        """PID of the backend that waits for the lock."""
        statement = (
            "select pid from pg_locks where locktype = 'advisory' and not granted"
            " and database = (select oid from pg_database where datname = current_database())"
        )
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            found = self.connection.execute(statement.encode()).fetchall()
            if found:
                return int(found[0]["pid"])
        raise AssertionError("nobody waits for the lock")

    def terminate_waiting(self) -> None:
        self.connection.execute("select pg_terminate_backend(%s, 10000)", [self.waiting()])

    def release(self) -> None:
        self.connection.execute("select pg_advisory_unlock_all()")


@contextmanager
def fault(url: str, *steps: Callable[[Fault], Any]) -> Iterator[None]:
    """Run the steps beside the block, which meets a held lock."""
    that = Fault(url)
    that.connection.execute("select pg_advisory_lock(7)")
    failures: list[BaseException] = []

    def work() -> None:
        try:
            for step in steps:
                step(that)
        except BaseException as error:
            failures.append(error)
        finally:
            that.connection.close()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        thread.join(30)
    assert not failures, failures


def counted(url: str) -> int:
    with connect(url) as conn:
        return COUNT.run(conn)


# --- context and role --------------------------------------------------------------------------


def test_the_context_holds_for_one_call(db: Database) -> None:
    assert db.run(READ_USER, context=ALICE) == "alice"
    assert db.run(READ_USER) is None
    assert db.run(WHOLE_CONTEXT) == {}


def test_nothing_of_a_request_reaches_the_next_after_an_exception(url: str) -> None:
    with Database(url, min_size=1, max_size=1) as db:
        pid = db.run(PID)
        with pytest.raises(psycopg.errors.DivisionByZero):
            db.run(BROKEN, context=ALICE, role="anon")
        with pytest.raises(errors.InvalidContext):
            db.run(BROKEN, context=RequestContext(user_id="x" * 201), role="anon")
        with pytest.raises(KeyError), db.transaction(context=ALICE, role="anon") as tx:
            assert tx.run(READ_USER) == "alice"
            raise KeyError
        assert db.run(WHOLE_CONTEXT) == {}
        assert db.run(ROLE) == "postgres"
        assert db.run(PID) == pid


def test_many_users_of_one_pool_see_their_own_context_only(url: str) -> None:
    wrong: list[str | None] = []
    with Database(url, min_size=1, max_size=2) as db:

        def user(name: str) -> None:
            for number in range(25):
                context = RequestContext(user_id=name) if number % 3 else None
                if number % 5 == 0:
                    with pytest.raises(psycopg.errors.DivisionByZero):
                        db.run(BROKEN, context=RequestContext(user_id=name))
                seen = db.run(READ_USER, context=context)
                if seen != (name if context else None):
                    wrong.append(seen)

        threads = [threading.Thread(target=user, args=(f"user-{n}",)) for n in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert wrong == []


def test_a_session_setting_would_leak(url: str) -> None:
    """The control: with a setting of the session the test above would fail."""
    leaky = Call("leak", "select set_config('dbkit.user_id', 'alice', false)", (), scalar)
    with Database(url, min_size=1, max_size=1) as db:
        db.run(leaky)
        assert db.run(READ_USER) == "alice"


def test_the_role_holds_for_one_call_and_is_quoted(db: Database) -> None:
    assert db.run(ROLE, role="anon") == "anon"
    assert db.run(ROLE) == "postgres"
    with pytest.raises(psycopg.errors.InvalidParameterValue):
        db.run(ROLE, role='anon"; drop table public.counter; --')
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        db.run(api.switch_api_version("v3"), role="service_role")


def test_a_transaction_runs_calls_together(db: Database, url: str) -> None:
    with db.transaction(context=ALICE, role="super_admin") as tx:
        assert tx.run(READ_USER) == "alice"
        assert tx.run(ROLE) == "super_admin"
        before = tx.run(api.get_active_api_version())[0]
        tx.run(api.switch_api_version("v3", "v2"))
        assert tx.run(api.get_active_api_version())[0].revision == before.revision + 1
    with pytest.raises(KeyError), db.transaction() as tx:
        tx.run(BUMP)
        raise KeyError
    assert counted(url) == 0


def test_a_savepoint_undoes_a_part(db: Database, url: str) -> None:
    with db.transaction() as tx:
        tx.run(BUMP)
        with pytest.raises(psycopg.errors.DivisionByZero), tx.connection.transaction():
            tx.run(BUMP)
            tx.run(BROKEN)
    assert counted(url) == 1


def test_an_error_at_commit_is_dbkits_too(db: Database, pauses: Pauses) -> None:
    with pytest.raises(errors.InvalidArgument):
        db.run(REFUSED)
    with pytest.raises(errors.InvalidArgument), db.transaction() as tx:
        tx.run(REFUSED)
    assert pauses.seconds == []


def test_an_answer_that_cannot_be_decoded_rolls_back(db: Database, url: str) -> None:
    bad = Call("bump", "select nullif(public.bump(false), 1)", (), scalar)
    with pytest.raises(errors.UnexpectedAnswer):
        db.run(bad)
    assert counted(url) == 0


def test_opens_at_first_use_and_takes_sqlalchemys_url(url: str) -> None:
    db = Database(url.replace("postgresql:", "postgresql+psycopg:"))
    assert db.run(BUMP) == 1
    db.close()
    with pytest.raises(psycopg_pool.PoolClosed):
        db.run(BUMP)


# --- what is done again ------------------------------------------------------------------------


def test_a_read_survives_the_end_of_its_backend(db: Database, url: str, pauses: Pauses) -> None:
    with fault(url, Fault.terminate_waiting, Fault.waiting, Fault.release):
        db.run(SLOW_READ)
    assert pauses.seconds == [0.05]


def test_a_read_with_a_context_survives_too(db: Database, url: str, pauses: Pauses) -> None:
    steps = (Fault.terminate_waiting, Fault.terminate_waiting, Fault.waiting, Fault.release)
    with fault(url, *steps):
        db.run(SLOW_READ, context=ALICE)
    assert pauses.seconds == [0.05, 0.1]


def test_gives_up_after_the_last_attempt(url: str, pauses: Pauses) -> None:
    with (
        Database(url, retry=pauses.retry(attempts=2)) as db,
        fault(url, Fault.terminate_waiting, Fault.terminate_waiting, Fault.release),
        pytest.raises(psycopg.errors.AdminShutdown),
    ):
        db.run(SLOW_READ)
    assert pauses.seconds == [0.05]


def test_a_write_that_was_sent_is_not_repeated(db: Database, url: str, pauses: Pauses) -> None:
    with (
        fault(url, Fault.terminate_waiting, Fault.release),
        pytest.raises(psycopg.errors.AdminShutdown),
    ):
        db.run(SLOW_BUMP)
    assert pauses.seconds == []
    assert counted(url) == 0


def test_a_write_with_an_idempotency_key_is_repeated(
    db: Database, url: str, pauses: Pauses
) -> None:
    keyed = Call(SLOW_BUMP.name, SLOW_BUMP.sql, (), scalar, idempotent=True)
    with fault(url, Fault.terminate_waiting, Fault.waiting, Fault.release):
        assert db.run(keyed) == 1
    assert len(pauses.seconds) == 1
    assert counted(url) == 1


def test_an_own_attempt_that_still_runs_is_waited_for(url: str) -> None:
    slow = Call("keyed", "select public.keyed_bump()", (), scalar, idempotent=True)
    with connect(url, autocommit=True) as other:
        other.execute("select pg_advisory_lock(8)")
        seen: list[float] = []

        def sleep(seconds: float) -> None:
            seen.append(seconds)
            if len(seen) == 3:
                other.execute("select pg_advisory_unlock(8)")

        with Database(url, retry=Retry(sleep=sleep, random=lambda: 1.0)) as db:
            with pytest.raises(errors.IdempotencyKeyInFlight):
                db.run(Call("keyed", slow.sql, (), scalar))
            with fault(url, Fault.terminate_waiting, Fault.waiting, Fault.release):
                assert db.run(slow) == 1
    assert seen == [0.05, 0.1, 0.2]


def test_a_write_on_a_dead_pooled_connection_is_repeated(url: str, pauses: Pauses) -> None:
    with Database(url, max_size=1, retry=pauses.retry()) as db:
        pid = db.run(PID)
        with connect(url, autocommit=True) as conn:
            conn.execute("select pg_terminate_backend(%s, 10000)", [pid])
        assert db.run(BUMP) == 1
        assert db.run(PID) != pid
    assert len(pauses.seconds) == 1


def test_a_whole_pool_of_dead_connections_is_replaced(url: str, pauses: Pauses) -> None:
    with Database(url, min_size=8, max_size=8, retry=pauses.retry(attempts=2)) as db:
        db.run(PID)
        with connect(url, autocommit=True) as conn:
            conn.execute(KILL_OTHERS.encode())
        assert db.run(BUMP) == 1
        assert [db.run(COUNT) for _ in range(8)] == [1] * 8
    assert len(pauses.seconds) <= 1


def test_a_serialization_failure_is_repeated(url: str, pauses: Pauses) -> None:
    def bump_meanwhile(that: Fault) -> None:
        that.waiting()
        BUMP.run(that.connection)

    options = {"options": "-c default_transaction_isolation=repeatable\\ read"}
    with (
        Database(url, retry=pauses.retry(), connect_options=options) as db,
        fault(url, bump_meanwhile, Fault.release),
    ):
        assert db.run(SLOW_BUMP) == 2
    assert len(pauses.seconds) == 1


def test_a_broken_commit_of_a_write_is_said_to_be_unknown(
    db: Database, url: str, pauses: Pauses
) -> None:
    with fault(url, Fault.terminate_waiting, Fault.release), pytest.raises(OutcomeUnknown):
        db.run(INSERT)
    with (
        fault(url, Fault.terminate_waiting, Fault.release),
        pytest.raises(OutcomeUnknown),
        db.transaction() as tx,
    ):
        tx.run(INSERT)
    assert pauses.seconds == []


def test_a_broken_commit_with_an_idempotency_key_is_repeated(
    db: Database, url: str, pauses: Pauses
) -> None:
    keyed = Call(INSERT.name, INSERT.sql, (), scalar, idempotent=True)
    with fault(url, Fault.terminate_waiting, Fault.waiting, Fault.release):
        assert db.run(keyed) == 1
    assert len(pauses.seconds) == 1


def test_nothing_is_repeated_inside_a_transaction(db: Database, url: str, pauses: Pauses) -> None:
    with (
        fault(url, Fault.terminate_waiting, Fault.release),
        pytest.raises(psycopg.errors.AdminShutdown),
        db.transaction() as tx,
    ):
        tx.run(SLOW_READ)
    assert pauses.seconds == []


def test_a_crowded_pool_is_no_reason_to_try_again(url: str, pauses: Pauses) -> None:
    with (
        Database(url, max_size=1, timeout=1.0, retry=pauses.retry()) as db,
        db.transaction(),
        pytest.raises(psycopg_pool.PoolTimeout),
    ):
        db.run(COUNT)
    assert pauses.seconds == []


def failure(sqlstate: str | None) -> psycopg.Error:
    error = psycopg.OperationalError() if sqlstate is None else psycopg.errors.lookup(sqlstate)()
    error.sqlstate = sqlstate
    return error


LOST = [None, "08006", "08001", "57P01", "57P02", "57P03", "57P05"]
ROLLED_BACK = ["40001", "40P01"]
FINAL = ["23505", "42P01", "57014", "53200", "55P03", "40003", "22012"]


@given(
    sqlstate=st.sampled_from([*LOST, *ROLLED_BACK, *FINAL]),
    stage=st.sampled_from(Stage),
    reads_only=st.booleans(),
    idempotent=st.booleans(),
)
def test_only_what_can_do_no_harm_is_repeated(
    sqlstate: str | None, stage: Stage, reads_only: bool, idempotent: bool
) -> None:
    call = Call("x", "", (), nothing, reads_only, idempotent)
    harmless = stage is Stage.BEFORE or reads_only or idempotent
    expected = sqlstate in ROLLED_BACK or (sqlstate in LOST and harmless)
    assert may_retry(failure(sqlstate), call, stage) is expected


@given(st.integers(1, 60), st.floats(0, 1))
def test_pauses_grow_with_jitter_and_are_bounded(attempt: int, share: float) -> None:
    retry = Retry(first_seconds=0.05, longest_seconds=2.0, random=lambda: share)
    most = Retry(random=lambda: 1.0).pause(attempt)
    assert 0 <= retry.pause(attempt) <= most <= 2.0
    assert most <= Retry(random=lambda: 1.0).pause(attempt + 1)


def test_an_error_that_is_no_drivers_is_no_lost_connection() -> None:
    assert not lost_connection(ConnectionError())
    assert not lost_connection(psycopg_pool.PoolTimeout())


# --- asyncio -----------------------------------------------------------------------------------


async def meanwhile(url: str, work: Awaitable[Any], *steps: Callable[[Fault], Any]) -> Any:
    """As `fault`, beside a coroutine."""
    that = await asyncio.to_thread(Fault, url)
    that.connection.execute("select pg_advisory_lock(7)")

    def act() -> None:
        for step in steps:
            step(that)
        that.connection.close()

    results = await asyncio.gather(work, asyncio.to_thread(act), return_exceptions=True)
    assert results[1] is None, results[1]
    if isinstance(results[0], BaseException):
        raise results[0]
    return results[0]


async def test_async_context_and_role_hold_for_one_call(url: str) -> None:
    async with AsyncDatabase(url, min_size=1, max_size=1) as db:
        assert await db.run(READ_USER, context=ALICE) == "alice"
        assert await db.run(ROLE, role="anon") == "anon"
        with pytest.raises(psycopg.errors.DivisionByZero):
            await db.run(BROKEN, context=ALICE, role="anon")
        with pytest.raises(KeyError):
            async with db.transaction(context=ALICE, role="anon") as tx:
                assert await tx.run(READ_USER) == "alice"
                raise KeyError
        assert await db.run(WHOLE_CONTEXT) == {}
        assert await db.run(ROLE) == "postgres"
        with pytest.raises(errors.InvalidArgument):
            await db.run(REFUSED)


async def test_async_users_of_one_pool_see_their_own_context_only(url: str) -> None:
    async with AsyncDatabase(url, min_size=1, max_size=3) as db:

        async def user(name: str) -> list[str | None]:
            context = RequestContext(user_id=name)
            return [await db.run(READ_USER, context=context if n % 2 else None) for n in range(10)]

        names = [f"user-{n}" for n in range(20)]
        seen = await asyncio.gather(*map(user, names))
    assert seen == [[None, name] * 5 for name in names]


async def test_async_cancelled_call_leaves_nothing_behind(url: str) -> None:
    tasks: list[asyncio.Task[Any] | None] = []

    async with AsyncDatabase(url, min_size=1, max_size=1) as db:

        async def call() -> None:
            tasks.append(asyncio.current_task())
            await db.run(SLOW_READ, context=ALICE)

        def cancel(that: Fault) -> None:
            that.waiting()
            assert tasks[0] is not None
            tasks[0].get_loop().call_soon_threadsafe(tasks[0].cancel)

        with pytest.raises(asyncio.CancelledError):
            await meanwhile(url, call(), cancel)
        assert await db.run(WHOLE_CONTEXT) == {}


async def test_async_read_survives_the_end_of_its_backend(url: str, pauses: Pauses) -> None:
    async with AsyncDatabase(url, retry=pauses.retry()) as db:
        steps = (Fault.terminate_waiting, Fault.waiting, Fault.release)
        await meanwhile(url, db.run(SLOW_READ, context=ALICE), *steps)
    assert pauses.seconds == [0.05]


async def test_async_write_is_not_repeated_and_its_commit_unknown(url: str, pauses: Pauses) -> None:
    async def insert(db: AsyncDatabase) -> None:
        async with db.transaction() as tx:
            await tx.run(INSERT)

    async with AsyncDatabase(url, retry=pauses.retry()) as db:
        steps = (Fault.terminate_waiting, Fault.release)
        with pytest.raises(psycopg.errors.AdminShutdown):
            await meanwhile(url, db.run(SLOW_BUMP), *steps)
        with pytest.raises(OutcomeUnknown):
            await meanwhile(url, db.run(INSERT), *steps)
        with pytest.raises(OutcomeUnknown):
            await meanwhile(url, insert(db), *steps)
    assert pauses.seconds == []
    assert counted(url) == 0


async def test_async_opens_at_first_use(url: str) -> None:
    db = AsyncDatabase(url)
    assert await db.run(BUMP) == 1
    await db.close()
