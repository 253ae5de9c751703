"""What tests of consumer groups say in one line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tests.helpers import Connection, connect, one, row, rows

CLAIM = """
select c.partition, c.token, c.leased_until, c.failures,
  array_agg(e.position order by n) as positions,
  array_agg(e.aggregate_id order by n) as streams, array_agg(e.version order by n) as versions,
  array_agg(e.organization_id order by n) as organizations
from dbkit.claim_events(%s, %s, %s, %s) c
cross join lateral unnest(c.events) with ordinality as e (position, version, created_at, event_id,
  schema_version, organization_id, aggregate_type, aggregate_id, event_type, event_data, metadata,
  correlation_id, causation_id, actor_id, hash, n)
group by 1, 2, 3, 4
"""


@dataclass(frozen=True)
class Claimed:
    """A batch as a consumer has it."""

    group: str
    partition: int
    token: int
    leased_until: Any
    failures: int
    positions: list[int]
    streams: list[str]
    versions: list[int]
    organizations: list[str]

    def ack(self, conn: Connection, position: int | None = None) -> int:
        """Up to a position, all without one; how many are left."""
        upto = self.positions[-1] if position is None else position
        statement = "select dbkit.ack_events(%s, %s, %s, %s)"
        return int(one(conn, statement, self.group, self.partition, self.token, upto))

    def fail(
        self, conn: Connection, position: int | None = None, error: str = "bad"
    ) -> dict[str, Any]:
        """The first event, without a position; what was decided."""
        at = self.positions[0] if position is None else position
        statement = "select dbkit.fail_event(%s, %s, %s, %s, %s)"
        answer: dict[str, Any] = one(
            conn, statement, self.group, self.partition, self.token, at, error
        )
        return answer

    def extend(self, conn: Connection, seconds: int = 60) -> Any:
        statement = "select dbkit.extend_lease(%s, %s, %s, %s)"
        return one(conn, statement, self.group, self.partition, self.token, seconds)

    def release(self, conn: Connection) -> None:
        statement = "select dbkit.release_partition(%s, %s, %s)"
        one(conn, statement, self.group, self.partition, self.token)


@contextmanager
def opened(url: str) -> Iterator[Connection]:
    """An autocommit connection."""
    with connect(url, autocommit=True) as conn:
        conn.execute("set lock_timeout = '20s'")
        yield conn


def register(conn: Connection, group: str = "g", **options: Any) -> dict[str, Any]:
    """With one partition, from the first event, unless it is said otherwise."""
    given = {"partitions": 1, "from_position": 0} | options
    named = ", ".join(f"p_{name} => %s" for name in given)
    answer: dict[str, Any] = one(
        conn, f"select dbkit.register_consumer_group(%s, {named})", group, *given.values()
    )
    return answer


def append(
    conn: Connection, stream: str = "a", count: int = 1, event_type: str = "Counted"
) -> list[int]:
    """The positions."""
    statement = "select (dbkit.append_event('counter', %s, %s, '{}') ->> 'position')::bigint"
    return [int(one(conn, statement, stream, event_type)) for _ in range(count)]


def claim(
    conn: Connection, group: str = "g", consumer: str = "c", limit: int = 100, seconds: int = 60
) -> Claimed | None:
    found = rows(conn, CLAIM, group, consumer, limit, seconds)
    return Claimed(group=group, **found[0]) if found else None


def must_claim(
    conn: Connection, group: str = "g", consumer: str = "c", limit: int = 100, seconds: int = 60
) -> Claimed:
    found = claim(conn, group, consumer, limit, seconds)
    assert found is not None, "nothing to claim"
    return found


def drain(conn: Connection, group: str = "g", limit: int = 100) -> list[int]:
    """Claim and acknowledge until nothing comes; the positions."""
    positions: list[int] = []
    while batch := claim(conn, group, limit=limit):
        batch.ack(conn)
        positions += batch.positions
    return positions


def status(conn: Connection, group: str = "g", partition: int = 0) -> dict[str, Any]:
    statement = "select * from dbkit.get_consumer_group_status(%s) where partition = %s"
    return row(conn, statement, group, partition)


def blocked(conn: Connection, group: str = "g") -> list[str]:
    found = rows(conn, "select * from dbkit.get_blocked_streams(%s)", group)
    return [each["aggregate_id"] for each in found]


def letters(conn: Connection, group: str = "g") -> dict[int, str]:
    """Position to status, of the newest letter of each."""
    found = rows(
        conn,
        """select position, status from dbkit.event_dead_letters
        where source = 'group' and source_name = %s order by dead_letter_id""",
        group,
    )
    return {each["position"]: each["status"] for each in found}


def requeue(conn: Connection, group: str = "g") -> None:
    """All open letters."""
    conn.execute(
        """select dbkit.requeue_dead_letters(l.ids)
        from (
          select array_agg(d.dead_letter_id) as ids from dbkit.event_dead_letters d
          where d.source = 'group' and d.source_name = %s and d.status = 'open') l
        where l.ids is not null""",
        [group],
    )


def at(conn: Connection, seconds: float) -> None:
    """The clock of this session, so many seconds into 2031."""
    conn.execute(
        """select set_config('dbkit.clock',
          (timestamptz '2031-01-01Z' + make_interval(secs => %s))::text, false)""",
        [seconds],
    )


def stream_of_partition(conn: Connection, partition: int, partitions: int, nth: int = 0) -> str:
    """The name of a stream that is in a partition."""
    return str(
        one(
            conn,
            """select 's' || n from generate_series(0, 10000) n
            where dbkit._stream_partition('default', 'counter', 's' || n, %s) = %s
            order by n offset %s limit 1""",
            partitions,
            partition,
            nth,
        )
    )
