"""dbkit.evaluate_releases: what is worse is switched back, what is not is left alone."""

from __future__ import annotations

import json
import math
import random
import secrets

import pytest

from tests.api.conftest import handler, in_parallel, outcome, register
from tests.api.releases import (
    actions,
    at,
    begin,
    clients,
    evaluate,
    log,
    status,
    version_of,
)
from tests.helpers import Connection, become, connect, one, row, rows

FALSE_ALARM = 0.01
LOOKS = 60


def test_an_injected_fault_is_switched_back_within_one_window(db: Connection) -> None:
    """v3 fails every fifth call. Real routing decides who meets it; five per cent of consumers."""
    good = "begin return '{}'; end"
    bad = (
        "begin if hashtext(dbkit.context_value('client_id')) % 5 = 0 then"
        " raise 'fault'; end if; return '{}'; end"
    )
    register(db, "probe", "v2", handler(db, "good", good))
    register(db, "probe", "v3", handler(db, "bad", bad))
    names = list(clients(db, 2400))
    begin(db, 5)
    at(db, 6)
    failed = {name: call_fails(db, name) for name in names}
    log(db, names, lambda name: failed[name])
    at(db, 10)
    told = evaluate(db)
    assert (told["verdict"], told["action"]) == ("worse", "switched_back")
    found = status(db)
    assert (found["status"], found["old"]["errors"]) == ("switched_back", 0)
    assert 10 < found["new"]["errors"] == sum(failed.values()) < 0.05 * len(names)
    assert not any(call_fails(db, name) for name in names)
    assert actions(db) == ["release_begun", "release_switched_back"]
    logged = row(
        db,
        "select version, details from dbkit.deployment_log"
        " where details ->> 'action' = 'release_switched_back'",
    )
    assert logged["version"] == "v2"
    assert logged["details"]["new_calls"] == found["new"]["calls"]
    assert "calls of v3" in logged["details"]["reason"]


def call_fails(conn: Connection, name: str) -> bool:
    conn.execute("select dbkit.set_request_context(%s)", [json.dumps({"client_id": name})])
    attempt = """
        do $$ begin
          perform dbkit.route_api_call('probe');
          perform set_config('test.ok', 'yes', true);
        exception when raise_exception then perform set_config('test.ok', 'no', true); end $$"""
    conn.execute(attempt.encode())
    return str(one(conn, "select current_setting('test.ok')")) == "no"


def test_nobody_flips_and_growing_keeps_who_was_in(db: Connection) -> None:
    buckets = clients(db)
    names = list(buckets)[:80]
    begin(db, 5, [30, 60])
    seen = [{n for n in names if version_of(db, n) == "v3"}]
    for step, share in enumerate((30, 60)):
        for minute in range(1, 11):
            at(db, 600 * step + 60 * minute - 20)
            log(db, buckets, lambda _: False)
            at(db, 600 * step + 60 * minute)
            told = evaluate(db)
            now = {n for n in names if version_of(db, n) == "v3"}
            if minute < 10:
                assert (told["action"], now) == ("none", seen[-1])
        assert (told["verdict"], told["action"]) == ("safe", "grown")
        assert seen[-1] < now
        assert now == {n for n in names if buckets[n] < share}
        seen.append(now)
    assert status(db)["new"] == {"calls": 0, "errors": 0, "slow": 0}
    at(db, 1210)
    log(db, buckets, lambda _: False)
    at(db, 1800)
    assert evaluate(db)["action"] == "promoted"
    assert version_of(db, None) == "v3"
    assert actions(db) == ["release_begun", "release_grown", "release_grown", "release_promoted"]


def test_the_same_fault_in_both_is_no_reason(db: Connection) -> None:
    names = clients(db)
    begin(db, 5)
    at(db, 10)
    log(db, names, lambda name: int(name[4:]) % 5 == 0)
    at(db, 20)
    assert evaluate(db)["action"] == "none"


def test_too_little_traffic_says_inconclusive(db: Connection) -> None:
    """Also when all of it fails: fewer than the minimum of 50 calls prove nothing."""
    names = [n for n, bucket in clients(db).items() if bucket < 5][:49]
    begin(db, 5)
    at(db, 10)
    log(db, names, lambda _: True)
    log(db, ["web_1", "web_2"], lambda _: False)
    for second in (20, 1800, 3599):
        at(db, second)
        told = evaluate(db)
        assert (told["verdict"], told["action"]) == ("inconclusive", "none")
    at(db, 3600)
    assert evaluate(db)["action"] == "inconclusive"
    ended = status(db)
    assert (ended["status"], ended["new"]["calls"]) == ("inconclusive", 49)
    assert "time is up" in ended["reason"]
    assert version_of(db, names[0]) == "v2"


def test_no_traffic_at_all_says_inconclusive(db: Connection) -> None:
    begin(db)
    at(db, 3600)
    assert evaluate(db)["action"] == "inconclusive"


def test_one_broken_client_is_no_reason(db: Connection) -> None:
    """It has a thousand failed calls; three of them have one each, and that is one."""
    inside = [n for n, bucket in clients(db).items() if bucket < 5]
    begin(db, 5)
    at(db, 10)
    log(db, clients(db), lambda _: False)
    log(db, [inside[0]] * 1000, lambda _: True)
    at(db, 20)
    assert evaluate(db) | {"release_id": ""} == {
        "evaluated": True,
        "release_id": "",
        "verdict": "inconclusive",
        "action": "none",
    }
    at(db, 22)
    log(db, inside[1:3], lambda _: True)
    at(db, 30)
    assert evaluate(db)["action"] == "switched_back"


def test_where_one_consumer_has_it_all_its_failures_count(db: Connection) -> None:
    inside = next(n for n, bucket in clients(db).items() if bucket < 5)
    outside = [n for n, bucket in clients(db).items() if bucket >= 5]
    begin(db, 5)
    at(db, 10)
    log(db, outside, lambda _: False)
    log(db, [inside] * 60, lambda _: True)
    at(db, 20)
    assert evaluate(db)["action"] == "switched_back"


def test_slow_calls_are_a_guard_of_their_own(db: Connection) -> None:
    buckets = clients(db)
    at(db, 0)
    one(db, "select dbkit.begin_release('v3', 10, 'latency', p_slow_ms => 100)")
    at(db, 10)
    log(db, [n for n, bucket in buckets.items() if bucket < 10], lambda _: True, duration_ms=99)
    log(db, [n for n, bucket in buckets.items() if bucket >= 10], lambda _: False, duration_ms=99)
    at(db, 20)
    assert evaluate(db)["action"] == "none"
    log(db, [n for n, bucket in buckets.items() if bucket < 10], lambda _: False, duration_ms=101)
    log(db, [n for n, bucket in buckets.items() if bucket >= 10], lambda _: False, duration_ms=1)
    at(db, 30)
    assert evaluate(db)["action"] == "switched_back"
    assert "slow: " in status(db)["reason"]


def test_counts_only_who_could_have_had_either(db: Connection) -> None:
    inside = next(n for n, bucket in clients(db).items() if bucket < 5)
    begin(db, 5)
    one(db, "select dbkit.pin_consumer('web_7', 'v2')")
    one(db, "select dbkit.pin_consumer('acme', 'v2')")
    at(db, 10)
    log(db, [inside], lambda _: True, requested_version="v3")
    log(db, [inside], lambda _: True, app_version="1.3.9")
    log(db, [inside], lambda _: True, app_version="' or 1=1; --")
    log(db, ["web_7"], lambda _: True)
    log(db, [inside], lambda _: True, organization_id="acme")
    log(db, [inside], lambda _: True, client_id=None)
    log(db, [inside], lambda _: False, app_version="1.4.0", status_code=499)
    log(db, [inside], lambda _: False, client_id=None, user_id=inside, status_code=503)
    at(db, 20)
    assert evaluate(db)["evaluated"]
    assert status(db)["new"] == {"calls": 2, "errors": 1, "slow": 0}
    assert status(db)["old"] == {"calls": 0, "errors": 0, "slow": 0}


def test_each_request_counts_once_and_none_of_the_seam(db: Connection) -> None:
    inside = next(n for n, bucket in clients(db).items() if bucket < 5)
    begin(db, 5)
    for second in (4, 6, 8, 14):
        at(db, second)
        log(db, [inside], lambda _: False)
        evaluate(db)
    at(db, 60)
    for _ in range(3):
        evaluate(db)
    assert status(db)["new"]["calls"] == 3


def test_a_version_that_ends_meanwhile_is_not_released_further(db: Connection) -> None:
    begin(db)
    one(db, "select dbkit.deprecate_api_version('v3', %s)", "2026-06-01 12:30+00")
    at(db, 1799)
    assert evaluate(db)["action"] == "none"
    at(db, 1800)
    assert evaluate(db)["action"] == "aborted"
    assert "sunset" in status(db)["reason"]


def test_a_version_that_cannot_be_switched_to_is_not_promoted(db: Connection) -> None:
    names = clients(db)
    register(db, "late", "v3", handler(db, "late"))
    begin(db, 20)
    at(db, 10)
    log(db, names, lambda _: False)
    db.execute("drop function guest.late(jsonb)")
    at(db, 600)
    assert evaluate(db)["action"] == "aborted"
    found = status(db)
    assert (found["status"], found["verdict"]) == ("aborted", "safe")
    assert "late" in found["reason"]
    assert one(db, "select current_version from dbkit.active_api_version") == "v2"


def test_is_a_task_of_workers(db: Connection) -> None:
    begin(db)
    become(db, "service_role")
    told = one(db, "select dbkit.run_worker_task('evaluate_releases', true)")
    assert (told["error"], told["result"]["evaluated"]) == (None, True)
    every = one(db, "select every_seconds from dbkit.worker_tasks where task = 'evaluate_releases'")
    assert every == 10


def test_does_nothing_when_nothing_runs(db: Connection) -> None:
    assert evaluate(db) == {
        "evaluated": False,
        "release_id": None,
        "verdict": None,
        "action": "none",
    }


@pytest.mark.parametrize("role", ["anon", "authenticated"])
def test_not_for_clients(db: Connection, role: str) -> None:
    become(db, role)
    with pytest.raises(Exception, match="permission denied"):
        evaluate(db)


def evaluators(url: str, seconds: int) -> list[str]:
    """What sixteen evaluators did, ten times each, so many seconds from now."""

    def turns(conn: Connection) -> list[str]:
        conn.execute(
            "select set_config('dbkit.clock', (now() + %s * interval '1 s')::text, false)",
            [seconds],
        )
        return [evaluate(conn)["action"] for _ in range(10)]

    got = in_parallel(16, lambda _: outcome(url, turns))
    return [action for each in got for action in each]


def test_sixteen_evaluators_count_once_and_switch_back_once(database: str) -> None:
    with connect(database, autocommit=True) as conn:
        names = clients(conn)
        inside = {n for n, bucket in names.items() if bucket < 5}
        one(conn, "select dbkit.begin_release('v3', 5)")
        conn.execute("select set_config('dbkit.clock', (now() + interval '6 s')::text, false)")
        log(conn, names, lambda _: False)
        assert set(evaluators(database, 10)) == {"none"}
        assert status(conn)["new"]["calls"] == len(inside)
        conn.execute("select set_config('dbkit.clock', (now() + interval '14 s')::text, false)")
        log(conn, names, lambda name: name in inside)
        assert sorted(evaluators(database, 20))[-2:] == ["none", "switched_back"]
        assert status(conn)["new"] == {"calls": 2 * len(inside), "errors": len(inside), "slow": 0}
        assert actions(conn) == ["release_begun", "release_switched_back"]


def test_an_evaluator_does_not_wait_for_a_switch(
    pair: tuple[Connection, Connection],
) -> None:
    operator, evaluator = pair
    one(operator, "select dbkit.begin_release('v3', 5)")
    with operator.transaction():
        one(operator, "select dbkit.switch_api_version('v3')")
        assert evaluate(evaluator)["evaluated"] is False
    assert evaluate(evaluator)["evaluated"] is False


# --- the statistic ---------------------------------------------------------------------------

RUN = """
create or replace function pg_temp.alarms(p_blocks jsonb, p_rate float8) returns boolean
language plpgsql as $$
declare
  v_evidence float8[] := array_fill(0::float8, array[40]);
  v_block jsonb;
begin
  for v_block in select * from jsonb_array_elements(p_blocks) loop
    v_evidence := dbkit._release_evidence(v_evidence, (v_block ->> 0)::bigint,
      (v_block ->> 1)::bigint, (v_block ->> 2)::bigint, (v_block ->> 3)::bigint);
    if dbkit._release_e_value(v_evidence) >= ln(1 / p_rate) then
      return true;
    end if;
  end loop;
  return false;
end $$"""


def binomial(source: random.Random, count: int, rate: float) -> int:
    return sum(source.random() < rate for _ in range(count))


def release(source: random.Random, old_rate: float, new_rate: float) -> list[list[int]]:
    """Blocks of ten seconds of one release: calls and failures, new and old."""
    new, old = source.choice([(2, 38), (5, 95), (20, 60), (20, 20)])
    blocks = []
    for _ in range(LOOKS):
        drift = source.choice([1.0, 1.0, 0.5, 1.5])
        blocks.append(
            [
                new,
                binomial(source, new, min(1.0, new_rate * drift)),
                old,
                binomial(source, old, min(1.0, old_rate * drift)),
            ]
        )
    return blocks


def naive_alarm(blocks: list[list[int]]) -> bool:
    """What one would write at first: compare the rates at each look, at the same level."""
    total = [0, 0, 0, 0]
    for block in blocks:
        total = [a + b for a, b in zip(total, block, strict=True)]
        new, new_bad, old, old_bad = total
        both = (new_bad + old_bad) / (new + old)
        spread = math.sqrt(both * (1 - both) * (1 / new + 1 / old))
        if new >= 50 and spread > 0 and (new_bad / new - old_bad / old) / spread > 2.326:
            return True
    return False


def test_equal_rates_raise_no_more_false_alarms_than_stated(db: Connection) -> None:
    """1,000 releases of 60 looks each, at rates of 0.1 to 30 % that go up and down with time."""
    seed = secrets.randbelow(2**32)
    print(f"seed {seed}")
    source = random.Random(seed)
    db.execute(RUN.encode())
    releases = []
    for _ in range(1000):
        rate = source.choice([0.001, 0.01, 0.05, 0.3])
        releases.append(release(source, rate, rate))
    found = rows(
        db,
        "select pg_temp.alarms(b, %s) as alarm from jsonb_array_elements(%s::jsonb) as b",
        FALSE_ALARM,
        json.dumps(releases),
    )
    alarms = sum(each["alarm"] for each in found)
    naive = sum(naive_alarm(each) for each in releases)
    print(f"false alarms: {alarms} of 1000 (stated: at most 1 %); a test at each look: {naive}")
    assert alarms <= 1000 * FALSE_ALARM
    assert naive > 1000 * FALSE_ALARM, "the control: the simulation can tell"


def test_a_worse_version_is_found(db: Connection) -> None:
    """The same releases with a fault of 20 % in the new version: each of them is seen."""
    seed = secrets.randbelow(2**32)
    print(f"seed {seed}")
    source = random.Random(seed)
    db.execute(RUN.encode())
    releases = [release(source, 0.01, 0.2) for _ in range(200)]
    found = rows(
        db,
        "select pg_temp.alarms(b, %s) as alarm from jsonb_array_elements(%s::jsonb) as b",
        FALSE_ALARM,
        json.dumps(releases),
    )
    assert sum(each["alarm"] for each in found) == 200


def test_the_ratio_of_a_block_has_an_expectation_of_at_most_one(db: Connection) -> None:
    """Exactly, over all outcomes, for each alternative: what the bound rests on."""
    outcomes = [(a, b) for a in range(4) for b in range(6)]
    for rate in (0.001, 0.05, 0.4, 0.9):
        total = [0.0] * 40
        for a, b in outcomes:
            chance = math.comb(3, a) * math.comb(5, b) * rate ** (a + b) * (1 - rate) ** (8 - a - b)
            evidence = one(
                db,
                "select dbkit._release_evidence(array_fill(0::float8, '{40}'), 3, %s, 5, %s)",
                a,
                b,
            )
            total = [t + chance * math.exp(e) for t, e in zip(total, evidence, strict=True)]
        assert max(total) <= 1 + 1e-9
        assert max(total) > 0.5


def test_evidence_is_that_of_the_blocks_that_were_logged(db: Connection) -> None:
    """What the simulation runs is what a release runs: the same numbers come out."""
    buckets = clients(db)
    inside = [n for n, bucket in buckets.items() if bucket < 5]
    outside = [n for n, bucket in buckets.items() if bucket >= 5][:300]
    begin(db, 5)
    expected = "array_fill(0::float8, '{40}')"
    for turn in range(1, 4):
        at(db, 10 * turn)
        bad = set(inside[:turn]) | set(outside[: 2 * turn])
        log(db, inside + outside, lambda name, bad=bad: name in bad)  # type: ignore[misc]
        at(db, 10 * turn + 5)
        assert evaluate(db)["action"] == "none"
        block = f"{len(inside)}, {turn}, {len(outside)}, {2 * turn}"
        expected = f"dbkit._release_evidence({expected}, {block})"
    assert one(db, f"select error_evidence = {expected} from dbkit.api_releases") is True


@pytest.mark.parametrize(
    ("new", "bad", "old", "old_bad", "verdict"),
    [
        (0, 0, 0, 0, "inconclusive"),
        (49, 49, 1000, 0, "inconclusive"),
        (50, 0, 1000, 0, "inconclusive"),
        (400, 0, 49, 0, "inconclusive"),
        (400, 0, 8000, 0, "safe"),
        (400, 8, 8000, 160, "safe"),
        (400, 14, 8000, 160, "inconclusive"),
        (400, 80, 8000, 160, "worse"),
        (50, 50, 1000, 0, "worse"),
        (10**6, 10**6, 10**6, 0, "worse"),
        (10**6, 0, 10**6, 10**6, "safe"),
        (10**9, 10**7, 10**9, 10**7, "safe"),
    ],
)
def test_verdicts(db: Connection, new: int, bad: int, old: int, old_bad: int, verdict: str) -> None:
    begin(db)
    db.execute(
        "update dbkit.api_releases set new_calls = %s, new_errors = %s, old_calls = %s,"
        " old_errors = %s, all_new_calls = %s, error_evidence = "
        "dbkit._release_evidence(error_evidence, %s, %s, %s, %s)",
        [new, bad, old, old_bad, new, new, bad, old, old_bad],
    )
    assert one(db, "select dbkit._release_verdict(r) from dbkit.api_releases r") == verdict


def test_two_guards_share_the_rate(db: Connection) -> None:
    """The same evidence that suffices for one guard does not for one of two."""
    one(db, "select dbkit.begin_release('v3', 5, 'error_rate,latency', p_slow_ms => 5)")
    set_evidence = (
        "update dbkit.api_releases set all_new_calls = 100,"
        " error_evidence = array_fill(%s::float8, '{40}')"
        " returning dbkit._release_verdict(api_releases)"
    )
    assert one(db, set_evidence, math.log(150)) == "inconclusive"
    assert one(db, set_evidence, math.log(201)) == "worse"
    one(db, "update dbkit.api_releases set guards = '{error_rate}', slow_ms = null returning 1")
    assert one(db, set_evidence, math.log(101)) == "worse"
