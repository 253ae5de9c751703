"""Every revision upgrades to head with data in it: no row lost, the catalog of a fresh upgrade."""

from typing import Any

import psycopg
import pytest
from psycopg import sql

from dbkit import catalog, migrations
from tests.helpers import Connection, connect, one, rows

REVISIONS = migrations.frozen_revisions()

# What a user may have written by the time a revision was the newest.
DATA = {
    "0001": "",
    "0002": """
        select dbkit.log_deployment('1.4.0', 'production', 'abc1234', 'dep_1');
        select dbkit.update_deployment_status('dep_1', 'success', true);""",
    "0003": """
        update dbkit.regions set name = 'Virginia' where id = 'us-east-1';
        select dbkit.update_region_health('us-east-1', false, 900);
        select dbkit.register_client_region('c1', 'eu-west-1', 'web', '1.4.0', 'v3');
        select dbkit.log_realtime_fanout('custom', 'us-east-1', '{eu-west-1}');""",
    "0004": """
        create schema mine;
        create function mine.hello(jsonb) returns jsonb language sql immutable
          as $$ select '{"hello": "world"}'::jsonb $$;
        select dbkit.register_rpc('hello', 'v2', 'mine.hello(jsonb)');
        select dbkit.register_api_version('v4', '2.0.0', 'ours');
        select dbkit.set_feature_flag('mine', 'v2', p_rollout_percentage => 25);
        select dbkit.pin_consumer('c1', 'v1');
        select dbkit.log_api_request('hello', 'v2', 200, 1.5);
        select dbkit.rollup_api_version_usage();
        select dbkit.switch_api_version('v3', 'v2');""",
    "0005": """
        insert into dbkit.stores (organization_id, name) values ('o', 'Corner');
        insert into dbkit.customers (organization_id, user_id, name) values ('o', 'u1', 'Ada');""",
    "0006": "",
    "0007": """
        select dbkit.append_event('cart', 'c-1', 'CartOpened', '{"by": "u1"}');
        select dbkit.append_events('cart', 'c-1',
          '[{"event_type": "ItemAdded", "event_data": {"item": 7}}]', 1);
        select dbkit.register_event_type('ItemAdded', '{"type": "object"}');
        select dbkit.configure_aggregate('cart', 50);""",
    "0008": "",
    "0009": """
        select dbkit.create_subscription('https://example.org/hook', '{Item*}');
        select dbkit.register_consumer_group('mail', 4);
        create function mine.tick() returns int language sql as 'select 1';
        grant usage on schema mine to service_role, super_admin;
        grant execute on function mine.tick() to service_role, super_admin;
        select dbkit.register_worker_task('hello', 'mine.tick()', 3600);""",
    "0010": """
        create function mine.add(p_payload jsonb) returns jsonb language sql as 'select p_payload';
        create function mine.ask(p_params jsonb) returns jsonb language sql stable as
          'select p_params';
        grant usage on schema mine to anon, authenticated;
        grant execute on function mine.add(jsonb), mine.ask(jsonb)
          to anon, authenticated, service_role, super_admin;
        select dbkit.register_command('add', 'mine.add', p_required_role => null);
        select dbkit.register_query('ask', 'mine.ask', '{Item*}', p_required_role => null);
        select dbkit.execute_command('add', '{"n": 1}', 'key 1');""",
    "0011": """
        select dbkit.record_metric('error', '{"error_type": "Oops", "message": "no bread"}');
        select dbkit.register_metric_event_type('mine', 'Ours');""",
    "0012": """
        select dbkit.begin_release('v2', 5);
        select dbkit.log_deployment('1.5.0', 'production', 'abc1235', 'dep_2');
        select dbkit.log_deployment_step('dep_2', 'smoke', 'done');""",
    "0013": """
        select dbkit.set_alert_channel('ops', 'slack', 'slack://a/b/c');
        select dbkit.create_alert_rule('Ours', 'error_rate', 'gt', 1, p_channels => '["ops"]');""",
    "0014": "select dbkit.set_healing_enabled(false, 'not yet');",
    "0015": """
        select dbkit.create_api_key('partner');
        select dbkit.set_rate_limit('*', '*', 100, 60);
        select dbkit.check_rate_limit('partner', 'hello');
        create table mine.notes (id bigint primary key, note text not null);
        insert into mine.notes values (1, 'hello');
        select dbkit.register_list('notes', 'mine.notes', '{id,note}', '{id}');""",
    "0016": "",
    "0017": "select dbkit.append_event('note', 'n-17', 'Noted', '{}')",
}

# What a later revision changes in rows that it seeded itself.
RESEEDED = {"heal_rules": {"batch_size"}}


def written(conn: Connection) -> dict[str, list[dict[str, Any]]]:
    """Every table's rows (derived and generated ones aside), as jsonb, in a fixed order."""
    tables = rows(
        conn,
        "select relname from pg_class where relnamespace = 'dbkit'::regnamespace "
        "and relkind in ('r', 'p') and not relispartition "
        "and relname not in ('alembic_version', 'api_routes', 'error_codes', 'api_rpcs') "
        "order by relname",
    )
    found = {}
    for table in tables:
        query = sql.SQL("select to_jsonb(t) as row from dbkit.{} t order by 1")
        found[table["relname"]] = conn.execute(
            query.format(sql.Identifier(table["relname"]))
        ).fetchall()
    return found


def is_kept(table: str, row: dict[str, Any], later: list[dict[str, Any]]) -> bool:
    """Whether a row is still there, a column that a later revision added or reseeded aside."""
    same = row.keys() - RESEEDED.get(table, set())
    return any(all(r["row"].get(k) == row[k] for k in same) for r in later)


def write_up_to(conn: Connection, revision: str) -> None:
    for step in REVISIONS[: REVISIONS.index(revision) + 1]:
        if DATA[step]:
            conn.execute(DATA[step].encode())


@pytest.mark.parametrize("revision", REVISIONS)
def test_upgrades_with_data_in_it(empty_database: str, database: str, revision: str) -> None:
    migrations.migrate(empty_database, revision)
    with connect(empty_database) as conn:
        write_up_to(conn, revision)
        before = written(conn)
    migrations.migrate(empty_database)
    with connect(empty_database) as conn:
        after = written(conn)
    for table, kept in before.items():
        missing = [row for row in kept if not is_kept(table, row["row"], after[table])]
        assert missing == [], f"{table} lost rows"
    with psycopg.connect(empty_database) as here, psycopg.connect(database) as there:
        own = {"call hello v2", "function dbkit._page_of_notes(text[],integer,bigint,jsonb,text)"}
        same = {k: v for k, v in catalog.snapshot(here).items() if k not in own}
        assert catalog.differences(same, catalog.snapshot(there)) == []


def test_every_revision_has_data_here() -> None:
    assert list(DATA) == REVISIONS


def test_what_was_written_still_works_after_the_upgrade(empty_database: str) -> None:
    migrations.migrate(empty_database, "0004")
    with connect(empty_database) as conn:
        write_up_to(conn, "0004")
    migrations.migrate(empty_database)
    with connect(empty_database) as conn:
        assert one(conn, "select dbkit.route_api_call('hello')")["data"] == {"hello": "world"}
        assert one(conn, "select current_version from dbkit.get_active_api_version()") == "v3"


def test_downgrade_with_data_and_upgrade_again(empty_database: str) -> None:
    migrations.migrate(empty_database)
    with connect(empty_database) as conn:
        write_up_to(conn, REVISIONS[-1])
    for revision in [*reversed(REVISIONS[:-1]), "base"]:
        migrations.migrate(empty_database, revision)
    migrations.migrate(empty_database)
    with connect(empty_database) as conn:
        assert one(conn, "select count(*) from dbkit.api_rpcs where name = 'hello'") == 0
