"""dbkit.run_heal_rule: one batch, judged, counted, kept; nothing where nothing may be."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.healing.parts import DRY, RUN, ledger, lit, make_house, register_lamps
from tests.helpers import (
    TOMORROW,
    Connection,
    become,
    freeze_clock,
    one,
    raises,
    row,
    rows,
    unbecome,
)


@pytest.fixture
def house(db: Connection) -> Connection:
    make_house(db)
    return db


def test_a_batch_at_a_time_until_nothing_is_left(house: Connection) -> None:
    register_lamps(house, p_batch_size=4)
    become(house, "service_role")
    seen = [one(house, RUN, "lamps") for _ in range(4)]
    assert [s["healed"] for s in seen] == [4, 4, 2, 0]
    assert [s["more"] for s in seen] == [True, True, False, False]
    assert [s["outcome"] for s in seen] == ["healed", "healed", "healed", "nothing"]
    assert [s["budget_left"] for s in seen] == [496, 492, 490, 490]
    assert lit(house) == ledger(house) == 10
    assert seen[0]["changes"][0] == {
        "subject": "lamp 1",
        "organization_id": "default",
        "before": {"lit": False},
        "after": {"lit": True},
    }


def test_every_change_is_in_the_ledger_and_in_the_metrics(house: Connection) -> None:
    register_lamps(house)
    become(house, "service_role")
    run = one(house, RUN, "lamps")["run_id"]
    found = rows(house, "select * from dbkit.heal_ledger order by subject")
    assert {f["run_id"] for f in found} == {run}
    assert [f["subject"] for f in found] == sorted(f"lamp {n}" for n in range(1, 11))
    told = rows(
        house,
        "select event_data as d from dbkit.runtime_metrics where event_type = 'auto_heal'",
    )
    assert sorted(t["d"]["details"]["subject"] for t in told) == [f["subject"] for f in found]
    assert {t["d"]["action"] for t in told} == {"lamps"}


def test_a_dry_run_changes_nothing(house: Connection) -> None:
    register_lamps(house, p_batch_size=3)
    become(house, "service_role")
    answer = one(house, DRY, "lamps")
    assert (answer["dry_run"], answer["outcome"], answer["healed"]) == (True, "healed", 0)
    assert [c["subject"] for c in answer["changes"]] == ["lamp 1", "lamp 10", "lamp 2"]
    assert answer["run_id"] is None
    assert lit(house) == ledger(house) == 0
    assert one(house, "select count(*) from dbkit.heal_runs") == 0
    assert one(house, "select count(*) from dbkit.runtime_metrics") == 0


def test_a_dry_run_does_not_let_a_rule_write(house: Connection) -> None:
    """Also a function that says it is stable, and calls one that writes."""
    register_lamps(house, p_find_function="house.writes_while_looking")
    house.execute("update house.lamps set lit = name <> 'lamp 3'")
    become(house, "service_role")
    answer = one(house, DRY, "lamps")
    assert answer["outcome"] == "failed"
    assert answer["error"].startswith("25006")
    assert lit(house) == 9
    house.execute("update house.lamps set lit = true")  # and one may write again


def test_a_failure_is_taken_back_kept_and_not_raised(house: Connection) -> None:
    register_lamps(house, p_apply_function="house.fails")
    become(house, "service_role")
    answer = one(house, RUN, "lamps")
    assert (answer["outcome"], answer["healed"], answer["more"]) == ("failed", 0, False)
    assert answer["error"] == "P0001: a fuse blew"
    assert lit(house) == ledger(house) == 0
    kept = row(house, "select outcome, error from dbkit.heal_runs")
    assert kept == {"outcome": "failed", "error": "P0001: a fuse blew"}


def test_a_cancelled_run_is_a_failure(house: Connection) -> None:
    house.execute(
        "create or replace function house.fails(p_params jsonb, p_limit int, p_except text[])"
        " returns table (subject text, organization_id text, before jsonb, after jsonb)"
        " language plpgsql volatile as $$ begin perform pg_sleep(600); end $$"
    )
    register_lamps(house, p_apply_function="house.fails")
    house.execute("set local statement_timeout = '50ms'")
    assert one(house, RUN, "lamps")["error"].startswith("57014: ")


def test_a_rule_that_does_more_than_it_may_is_taken_back(house: Connection) -> None:
    register_lamps(house, p_apply_function="house.too_many", p_batch_size=5)
    become(house, "service_role")
    answer = one(house, RUN, "lamps")
    assert answer["error"].startswith("KD746: ")
    assert lit(house) == ledger(house) == 0


def test_the_budget_of_an_hour(house: Connection) -> None:
    register_lamps(house, p_budget_per_hour=6, p_batch_size=4)
    freeze_clock(house, f"{TOMORROW}T10:00:00Z")
    seen = [one(house, RUN, "lamps") for _ in range(3)]
    assert [s["healed"] for s in seen] == [4, 2, 0]
    assert [s["more"] for s in seen] == [True, False, False]
    assert seen[2]["outcome"] == "over_budget"
    freeze_clock(house, f"{TOMORROW}T10:59:59Z")
    assert one(house, RUN, "lamps")["outcome"] == "over_budget"
    freeze_clock(house, f"{TOMORROW}T11:00:00Z")
    assert one(house, RUN, "lamps")["healed"] == 4
    assert lit(house) == 10


def test_what_is_undone_has_cost_its_budget(house: Connection) -> None:
    register_lamps(house, p_budget_per_hour=6)
    one(house, RUN, "lamps")
    for entry in rows(house, "select id from dbkit.heal_ledger"):
        house.execute("select dbkit.undo_healing(%s)", [entry["id"]])
    assert lit(house) == 0
    assert one(house, RUN, "lamps")["outcome"] == "over_budget"


TRIP = {
    "p_population_function": "house.count_lamps",
    "p_trip_share": Decimal("0.5"),
    "p_trip_min": 4,
}


def test_the_trip_stops_a_mass_change(house: Connection) -> None:
    register_lamps(house, **TRIP)
    become(house, "service_role")
    answer = one(house, RUN, "lamps")
    assert (answer["outcome"], answer["healed"], answer["changes"]) == ("tripped", 0, [])
    assert (answer["found"], answer["population"]) == (6, 10)  # counted no further than it takes
    assert lit(house) == ledger(house) == 0
    assert one(house, DRY, "lamps")["outcome"] == "tripped"
    assert row(house, "select trip_detail from dbkit.heal_rules where rule = 'lamps'") == {
        "trip_detail": {"found": 6, "population": 10, "trip_share": 0.5, "trip_min": 4}
    }
    told = one(
        house,
        "select event_data from dbkit.runtime_metrics where event_data ->> 'action' = 'tripped'",
    )
    assert told["details"]["rule"] == "lamps"
    unbecome(house)
    house.execute("update house.lamps set lit = name <> 'lamp 3'")
    again = one(house, RUN, "lamps")
    assert (again["outcome"], again["healed"]) == ("tripped", 0)  # until somebody has looked
    assert lit(house) == 9


@pytest.mark.parametrize(
    ("dark", "trips"), [(3, False), (4, False), (5, False), (6, True), (10, True)]
)
def test_the_trip_is_more_than_the_share_and_at_least_its_minimum(
    house: Connection, dark: int, trips: bool
) -> None:
    register_lamps(house, **TRIP)
    house.execute(
        "update house.lamps set lit = true where split_part(name, ' ', 2)::int > %s", [dark]
    )
    answer = one(house, RUN, "lamps")
    assert (answer["outcome"] == "tripped") is trips
    assert lit(house) == (10 - dark if trips else 10)


def test_a_few_of_a_few_do_not_trip(house: Connection) -> None:
    house.execute("delete from house.lamps where name > 'lamp 2'")
    register_lamps(house, **TRIP)
    assert one(house, RUN, "lamps")["healed"] == 3


def test_a_population_of_none_trips(house: Connection) -> None:
    """Everything stuck and nothing new: a clock that jumped, or an old backup restored."""
    house.execute(
        "create or replace function house.count_lamps(p_params jsonb) returns bigint"
        " language sql stable return null::bigint"
    )
    register_lamps(house, **TRIP)
    answer = one(house, RUN, "lamps")
    assert (answer["outcome"], answer["population"]) == ("tripped", 0)


def test_a_rule_that_is_off_does_nothing(house: Connection) -> None:
    register_lamps(house, p_enabled=False)
    assert one(house, RUN, "lamps")["outcome"] == "disabled"
    assert lit(house) == 0


def test_the_rights_are_the_callers(house: Connection) -> None:
    register_lamps(house)
    house.execute("revoke update on house.lamps from service_role")
    become(house, "service_role")
    assert one(house, RUN, "lamps")["error"].startswith("42501: ")


def test_healing_does_not_depend_on_metrics(house: Connection) -> None:
    register_lamps(house)
    house.execute("alter table dbkit.runtime_metrics add check (false) not valid")
    become(house, "service_role")
    assert one(house, RUN, "lamps")["healed"] == 10
    assert one(house, "select count(*) from dbkit.runtime_metrics") == 0
    assert ledger(house) == 10


def test_unknown(db: Connection) -> None:
    for statement in (RUN, DRY):
        with raises(db, "KD740") as caught:
            one(db, statement, "nothing'; drop table dbkit.orders --")
        assert caught.detail["rule"].startswith("nothing")
        with raises(db, "KD740"):
            one(db, statement, None)


def test_needs_service_role(db: Connection) -> None:
    for role in ("anon", "authenticated"):
        become(db, role)
        with raises(db, "42501"):
            one(db, RUN, "preparing_orders")
        unbecome(db)
