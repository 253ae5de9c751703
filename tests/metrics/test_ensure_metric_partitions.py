"""dbkit.ensure_metric_partitions."""

from tests.helpers import Connection, become, freeze_clock, one, raises, row

ENSURE = "select dbkit.ensure_metric_partitions()"


def test_keeps_fourteen_days_ahead(db: Connection) -> None:
    one(db, ENSURE)  # A night may have passed since the database was made.
    assert one(db, ENSURE) == 0
    tomorrow = one(db, "select clock_timestamp() + interval '1 day'")
    freeze_clock(db, str(tomorrow))
    assert one(db, ENSURE) == 1


def test_is_a_task_of_workers(db: Connection) -> None:
    found = row(db, "select * from dbkit.worker_tasks where task = 'ensure_metric_partitions'")
    assert found["every_seconds"] == 21600
    assert (
        one(db, "select dbkit.run_worker_task('ensure_metric_partitions', true)")["error"] is None
    )


def test_there_is_no_default_partition(db: Connection) -> None:
    default = "select partdefid from pg_partitioned_table where partrelid = %s::regclass"
    assert one(db, default, "dbkit.runtime_metrics") == 0


def test_is_for_the_service(db: Connection) -> None:
    become(db, "authenticated")
    with raises(db, "42501"):
        one(db, ENSURE)
