"""dbkit.unschedule_maintenance."""

from __future__ import annotations

from tests.healing.test_schedule_maintenance import CRON, SCHEDULE
from tests.helpers import Connection, become, one, raises, rows

UNSCHEDULE = "select dbkit.unschedule_maintenance()"


def test_takes_its_own_jobs_alone(db: Connection) -> None:
    db.execute(CRON.encode())
    become(db, "service_role")
    db.execute("insert into cron.job (jobname) values ('dbkitxmaintenance_mine'), (null)")
    names = one(db, SCHEDULE)
    assert sorted(one(db, UNSCHEDULE)) == sorted(names)
    assert len(rows(db, "select from cron.job")) == 2
    assert one(db, UNSCHEDULE) == []


def test_without_pg_cron(db: Connection) -> None:
    become(db, "service_role")
    with raises(db, "KD749"):
        one(db, UNSCHEDULE)


def test_needs_service_role(db: Connection) -> None:
    become(db, "authenticated")
    with raises(db, "42501"):
        one(db, UNSCHEDULE)
