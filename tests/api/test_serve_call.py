"""dbkit.serve_call: what a gateway's login runs, and all that it can do."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from tests.api.conftest import call, handler, let_end, register, wait_until
from tests.helpers import Connection, connect, one, raises, row, rows

SERVE = "select * from dbkit.serve_call(%s, %s, %s, %s, %s, %s, %s, %s)"
WHO = """begin return jsonb_build_object('user', current_user, 'session', session_user,
  'context', dbkit.request_context(), 'claims', current_setting('request.jwt.claims', true),
  'read_only', current_setting('transaction_read_only')); end"""
WRITE = """declare v_id int;
begin
  insert into guest.effects (note) values (p_payload ->> 'note') returning id into v_id;
  if p_payload ? 'fail' then
    raise exception using errcode = 'KD004', message = 'asked to fail';
  end if;
  return jsonb_build_object('effect', v_id);
end"""
EFFECTS = """
create table guest.effects (
  id int generated always as identity, note text, unique (note) deferrable initially deferred);
grant all on guest.effects to anon, authenticated, service_role;
"""


def serve(
    conn: Connection,
    name: str,
    payload: object = None,
    *,
    version: str | None = None,
    role: str | None = "anon",
    read_only: bool = False,
    context: object = None,
    claims: str | None = None,
    key: str | None = None,
) -> tuple[Any, dict[str, Any]]:
    """Data and meta, parsed."""
    found = row(
        conn,
        SERVE,
        *(name, json.dumps({} if payload is None else payload), version, role, read_only),
        *(json.dumps(context or {}), claims, key),
    )
    return json.loads(found["data"]), json.loads(found["meta"])


def as_gateway(conn: Connection) -> None:
    """What a login as dbkit_gateway is: session_user and current_user, and no way back for SQL."""
    conn.execute("set local session authorization dbkit_gateway")


def served(conn: Connection, name: str, payload: object = None, **arguments: Any) -> Any:
    """As a gateway's login, in a transaction of its own."""
    with conn.transaction(force_rollback=True):
        as_gateway(conn)
        return serve(conn, name, payload, **arguments)


@pytest.fixture
def gate(database: str) -> Iterator[Connection]:
    """A gateway's connection in autocommit mode, and calls to make."""
    with connect(database) as conn:
        register(conn, "who", "v1", handler(conn, "who", WHO))
        register(conn, "put", "v2", handler(conn, "put", WRITE, "volatile"), "write")
        conn.execute(EFFECTS.encode())
    with connect(database, autocommit=True) as conn:
        conn.execute("set session authorization dbkit_gateway")
        yield conn


def test_answers_what_the_router_answers(db: Connection) -> None:
    for version in ("v1", "v2", "v3"):
        register(db, "echo", version, handler(db, f"echo_{version}"))
    db.execute("select dbkit.deprecate_api_version('v1', now() + interval '1 day')")
    versions: list[str | None] = [None, "v1", "v2", "v3"]
    for asked, app in ((v, a) for v in versions for a in (None, "1.2.0")):
        said = {} if app is None else {"app_version": app}
        with db.transaction(force_rollback=True):
            db.execute("select dbkit.set_request_context(%s)", [json.dumps(said)])
            expected = call(db, "echo", {"a": [1, {"b": None}]}, asked)
        found = served(db, "echo", {"a": [1, {"b": None}]}, version=asked, context=said)
        assert found == (expected["data"], expected["meta"]), (asked, app)


def test_refuses_what_the_router_refuses(db: Connection) -> None:
    register(db, "echo", "v2", handler(db, "echo"), schema={"type": "object", "required": ["a"]})
    register(db, "kept", "v2", handler(db, "kept"), role="service_role")
    cases: list[tuple[str, str, dict[str, Any]]] = [
        ("KD101", "nothing", {}),
        ("KD102", "echo", {"version": "v99"}),
        ("KD104", "echo", {"version": "v2", "context": {"app_version": "0.0.1"}}),
        ("KD105", "echo", {}),
        ("KD003", "kept", {}),
        ("KD002", "echo", {"context": {"app_version": "one"}}),
    ]
    for code, name, arguments in cases:
        with raises(db, code):
            as_gateway(db)
            serve(db, name, **arguments)
    let_end(db, "v2")
    with raises(db, "KD103"):
        as_gateway(db)
        serve(db, "echo", version="v2")


@pytest.mark.parametrize("data", ["null", '"text"', "3", "[]", "true"])
def test_data_is_json_text(db: Connection, data: str) -> None:
    body = f"begin return {'null' if data == 'null' else chr(39) + data + chr(39)}; end"
    register(db, "any", "v1", handler(db, "any_json", body))
    for setting in ("off", "on"):
        db.execute("select set_config('dbkit.log_calls', %s, true)", [setting])
        with db.transaction(force_rollback=True):
            found = row(db, SERVE, "any", "{}", None, "anon", True, "{}", None, None)
            assert found["data"] == data


def test_the_login_can_do_nothing_else(db: Connection) -> None:
    functions = "select proname from pg_proc where pronamespace = 'dbkit'::regnamespace"
    may = f"{functions} and has_function_privilege('dbkit_gateway', oid, 'execute')"
    assert [f["proname"] for f in rows(db, may)] == ["serve_call"]
    relations = (
        "select relname from pg_class where relnamespace = 'dbkit'::regnamespace and ("
        " relkind in ('r', 'p', 'v', 'm') and has_any_column_privilege('dbkit_gateway', oid,"
        "  'select, insert, update, references')"
        " or relkind in ('r', 'p', 'v', 'm') and has_table_privilege('dbkit_gateway', oid,"
        "  'select, insert, update, delete, truncate, references, trigger')"
        " or relkind = 'S' and has_sequence_privilege('dbkit_gateway', oid,"
        "  'usage, select, update'))"
    )
    assert rows(db, relations) == []
    assert one(db, "select has_schema_privilege('dbkit_gateway', 'dbkit', 'usage')")
    assert not one(db, "select has_schema_privilege('dbkit_gateway', 'dbkit', 'create')")
    role = row(db, "select * from pg_roles where rolname = 'dbkit_gateway'")
    held = {"rolinherit", "rolsuper", "rolbypassrls", "rolcreaterole", "rolcreatedb"}
    assert not any(role[name] for name in held)
    granted = "select pg_has_role('dbkit_gateway', %s, %s)"
    for name in ("anon", "authenticated", "service_role"):
        assert one(db, granted, name, "member")
        assert not one(db, granted, name, "usage")
    assert not one(db, granted, "super_admin", "member")
    as_gateway(db)
    for statement in (
        "select * from dbkit.api_versions",
        "select dbkit.route_api_call('get_features')",
        "select dbkit.clock()",
        "create table dbkit.mine (a int)",
        "set role super_admin",
    ):
        with raises(db, "42501"):
            db.execute(statement.encode())


def test_control_a_member_that_inherits_could_do_more(db: Connection) -> None:
    db.execute("create role careless in role anon")
    assert one(db, "select has_table_privilege('careless', 'dbkit.api_versions', 'select')")


def test_nobody_else_may_execute_it(db: Connection) -> None:
    for role in ("anon", "authenticated", "service_role", "super_admin"):
        db.execute(f"set local role {role}".encode())
        with raises(db, "42501"):
            serve(db, "get_features")
        db.execute("reset role")


def test_the_handler_runs_as_the_role_and_the_login_is_itself_again(gate: Connection) -> None:
    for role in ("anon", "authenticated", "service_role"):
        data, _ = serve(gate, "who", role=role)
        assert (data["user"], data["session"]) == (role, "dbkit_gateway")
        after = row(gate, "select current_user as u, current_setting('role') as r")
        assert after == {"u": "dbkit_gateway", "r": "none"}


def test_the_role_goes_back_after_an_error_too(gate: Connection) -> None:
    with raises(gate, "KD004"):
        serve(gate, "put", {"note": "a", "fail": True}, role="service_role")
    assert one(gate, "select current_user") == "dbkit_gateway"
    assert serve(gate, "who", role="service_role")[0]["user"] == "service_role"
    with raises(gate, "42501"):
        gate.execute("select * from guest.effects")


ODD_ROLES: list[str | None] = ["none", "dbkit_gateway", "postgres", "pg_read_all_data", "nobody"]
ODD_ROLES += ["", "-", "0", "10"]
ODD_ROLES += ["Anon", '"anon"', "anon, super_admin", "public", "current_user", "x'); --", None]


@pytest.mark.parametrize("role", ODD_ROLES)
@pytest.mark.parametrize("login", ["dbkit_gateway", "superuser"])
def test_other_roles_are_refused(db: Connection, role: str | None, login: str) -> None:
    """Also for a superuser's connection, as an embedded server has it: Postgres would let it."""
    register(db, "who", "v1", handler(db, "who", WHO))
    superuser = one(db, "select session_user")
    for asked in {role, superuser}:
        with raises(db, "KD003") as caught:
            if login == "dbkit_gateway":
                as_gateway(db)
            serve(db, "who", role=asked)
        assert caught.detail == {"role": asked}
        assert caught.hint


def test_super_admin_is_granted_by_hand(db: Connection) -> None:
    register(db, "who", "v1", handler(db, "who", WHO))
    with raises(db, "42501"):
        as_gateway(db)
        serve(db, "who", role="super_admin")
    with db.transaction(force_rollback=True):
        db.execute("grant super_admin to dbkit_gateway")
        assert served(db, "who", role="super_admin")[0]["user"] == "super_admin"
    assert serve(db, "who", role="super_admin")[0]["user"] == "super_admin"


def test_nothing_is_left_out_after_an_error_in_the_same_transaction(db: Connection) -> None:
    """PL/pgSQL then evaluates the settings as a query, which is planned with their values."""
    register(db, "who", "v1", handler(db, "who", WHO))
    with raises(db, "42501"):
        as_gateway(db)
        serve(db, "who", role="super_admin")
    data, _ = served(db, "who", role="authenticated", context={"user_id": "u"}, read_only=True)
    assert (data["user"], data["read_only"]) == ("authenticated", "on")
    assert data["context"] == {"user_id": "u"}


def test_a_role_of_ones_own(db: Connection) -> None:
    register(db, "who", "v1", handler(db, "who", WHO))
    db.execute('create role "The Kitchen" in role authenticated')
    with raises(db, "KD003"):
        serve(db, "who", role="The Kitchen")
    db.execute('grant "The Kitchen" to dbkit_gateway')
    as_gateway(db)
    assert serve(db, "who", role="The Kitchen")[0]["user"] == "The Kitchen"


def test_a_login_that_is_a_member(db: Connection) -> None:
    """The operator's own login, with dbkit_gateway granted to it."""
    register(db, "who", "v1", handler(db, "who", WHO))
    db.execute("create role pool_login in role dbkit_gateway")
    db.execute("set local session authorization pool_login")
    assert serve(db, "who", role="authenticated")[0]["user"] == "authenticated"


def test_context_and_claims_reach_the_handler_and_end_with_it(gate: Connection) -> None:
    said = {
        "app_name": "web",
        "app_version": "1.5.0",
        "client_id": "shop",
        "region": "eu-west-1",
        "request_id": "r-1",
        "user_id": "u-1",
        "organization_id": "acme",
        "correlation_id": "c-1",
        "causation_id": "c-0",
    }
    data, _ = serve(gate, "who", role="authenticated", context=said)
    assert data["context"] == said
    claims = '{"sub": "u-2", "organization_id": "globex"}'
    data, _ = serve(gate, "who", role="authenticated", context=said, claims=claims)
    assert (data["context"]["user_id"], data["context"]["organization_id"]) == ("u-2", "globex")
    assert data["claims"] == claims
    with raises(gate, "KD101"):
        serve(gate, "nothing", context=said, claims=claims, key="k")
    data, _ = serve(gate, "who")
    assert data["context"] == {}
    assert data["claims"] in (None, "")
    settings = "select name, setting from pg_settings where name ~ '^(dbkit|request)[.]'"
    kept = "select current_setting(%s, true) as s"
    assert [s for s in rows(gate, settings) if s["setting"]] == []
    for name in [f"dbkit.{key}" for key in (*said, "app_version_key", "idempotency_key")]:
        assert not one(gate, kept, name), name


def test_other_keys_of_the_context_are_passed_over(db: Connection) -> None:
    register(db, "who", "v1", handler(db, "who", WHO))
    for said in (
        {"role": "super_admin"},
        {"clock": "2026-01-01"},
        {"log_calls": "on"},
        ["user_id"],
    ):
        data, _ = served(db, "who", context=said)
        assert (data["user"], data["context"]) == ("anon", {})
        assert not one(db, "select current_setting('dbkit.clock', true)")


def test_the_app_version_decides_by_its_key(db: Connection) -> None:
    for version in ("v1", "v3"):
        register(db, "echo", version, handler(db, f"echo_{version}"))
    old = {"app_version": one(db, "select min_app_version from dbkit.api_versions where ordinal=1")}
    assert served(db, "echo", version="v3")[1]["version"] == "v3"
    assert served(db, "echo", version="v3", context=old)[1]["version"] == "v1"


def test_the_gateway_may_bring_the_key_along(db: Connection) -> None:
    for version in ("v1", "v3"):
        register(db, "echo", version, handler(db, f"echo_{version}"))
    old = one(db, "select min_app_version from dbkit.api_versions where ordinal = 1")
    said = {"app_version": old, "app_version_key": one(db, "select dbkit.semver_key(%s)", old)}
    assert served(db, "echo", version="v3", context=said)[1]["version"] == "v1"


def test_read_only_is_the_transactions(gate: Connection) -> None:
    assert serve(gate, "who", read_only=True)[0]["read_only"] == "on"
    assert serve(gate, "who")[0]["read_only"] == "off"
    with raises(gate, "KD121") as caught:
        serve(gate, "put", {"note": "a"}, read_only=True)
    assert caught.detail == {"rpc": "put", "access": "write"}
    assert caught.hint
    assert serve(gate, "put", {"note": "a"})[0] == {"effect": 1}


def test_a_read_that_writes_is_stopped(db: Connection) -> None:
    """VOLATILE code behind a STABLE handler: Postgres itself refuses it."""
    handler(db, "put", WRITE, "volatile")
    db.execute(EFFECTS.encode())
    register(db, "sly", "v1", handler(db, "sly", "begin return guest.put(p_payload); end"))
    with raises(db, "25006"):
        serve(db, "sly", {"note": "a"}, read_only=True)


def test_an_error_leaves_nothing(gate: Connection) -> None:
    with raises(gate, "KD004"):
        serve(gate, "put", {"note": "a", "fail": True}, role="service_role", key="k")
    data, meta = serve(gate, "put", {"note": "b"}, role="service_role", key="k")
    assert data == {"effect": 2}
    assert "replayed" not in meta


def test_a_deferred_check_that_fails_is_an_error_of_the_statement(gate: Connection) -> None:
    serve(gate, "put", {"note": "once"})
    with pytest.raises(psycopg.errors.UniqueViolation):
        serve(gate, "put", {"note": "once"})
    assert one(gate, "select current_user") == "dbkit_gateway"
    serve(gate, "put", {"note": "twice"})


SECRETS = """
create table guest.secrets (owner text, word text);
insert into guest.secrets values ('a', 'of a'), ('b', 'of b');
alter table guest.secrets enable row level security;
create policy own on guest.secrets to authenticated
using (owner = (select dbkit.context_value('user_id')));
create policy all_of_them on guest.secrets to service_role using (true);
grant select on guest.secrets to authenticated, service_role;
create function guest.whisper() returns text language plpgsql stable
as $$ begin return 'psst'; end $$;
revoke execute on function guest.whisper() from public;
grant execute on function guest.whisper() to service_role;
"""
READ = """begin return (select coalesce(jsonb_agg(word order by word), '[]') from guest.secrets);
end"""


def test_a_plan_of_one_role_has_no_rights_for_another(gate: Connection, database: str) -> None:
    """Postgres puts a one-line function in SQL into the plan of its caller, right and all: hence
    whisper() in PL/pgSQL. What such a function reads or calls is asked for each time."""
    with connect(database) as conn:
        conn.execute(SECRETS.encode())
        register(conn, "read", "v1", handler(conn, "read", READ))
        whisper = "begin return to_jsonb(guest.whisper()); end"
        register(conn, "hear", "v1", handler(conn, "hear", whisper))
    for _ in range(12):
        assert serve(gate, "read", role="service_role")[0] == ["of a", "of b"]
        for user in ("a", "b"):
            data, _ = serve(gate, "read", role="authenticated", context={"user_id": user})
            assert data == [f"of {user}"]
        assert serve(gate, "read", role="authenticated")[0] == []
        with raises(gate, "42501"):
            serve(gate, "read")
        assert serve(gate, "hear", role="service_role")[0] == "psst"
        for role in ("anon", "authenticated"):
            with raises(gate, "42501"):
                serve(gate, "hear", role=role)


def test_in_a_transaction_it_is_the_last_thing_that_the_login_does(gate: Connection) -> None:
    """With a deadline: BEGIN, set_config, serve_call, COMMIT. A second role needs a second one."""
    with gate.transaction():
        gate.execute("select set_config('statement_timeout', '1000', true)")
        assert serve(gate, "who")[0]["user"] == "anon"
        with raises(gate, "42501"):
            serve(gate, "who", role="service_role")
    assert one(gate, "show statement_timeout") == "0"


def test_a_deadline_ends_the_call(gate: Connection, database: str) -> None:
    with connect(database) as conn:
        sleep = "begin perform pg_sleep(60); return 'null'; end"
        register(conn, "sleep", "v1", handler(conn, "sleep", sleep))
    with raises(gate, "57014"):
        gate.execute("select set_config('statement_timeout', '50', true)")
        serve(gate, "sleep")
    assert serve(gate, "who")[0]["user"] == "anon"


# --- idempotency ------------------------------------------------------------------------------

CLIENT = {"client_id": "shop"}


def test_the_key_of_a_request_is_as_good_as_one_in_the_payload(gate: Connection) -> None:
    first, meta = serve(gate, "put", {"note": "a"}, context=CLIENT, key="k")
    assert "replayed" not in meta
    again, meta = serve(gate, "put", {"note": "a"}, context=CLIENT, key="k")
    assert again == first
    assert meta["replayed"] is True
    with raises(gate, "KD110"):
        serve(gate, "put", {"note": "b"}, context=CLIENT, key="k")
    other, meta = serve(gate, "put", {"note": "b"}, context=CLIENT, key="k2")
    assert other != first
    assert "replayed" not in meta
    in_payload = {"note": "c", "idempotency_key": "k3"}
    first, meta = serve(gate, "put", in_payload, context=CLIENT, key="k3")
    again, meta = serve(gate, "put", in_payload, context=CLIENT)
    assert (again, meta["replayed"]) == (first, True)


def test_two_keys_are_one_too_many(gate: Connection) -> None:
    with raises(gate, "KD120") as caught:
        serve(gate, "put", {"idempotency_key": "a"}, context=CLIENT, key="b")
    assert caught.detail["field"] == "idempotency_key"
    assert caught.hint


def test_a_read_needs_no_key(gate: Connection) -> None:
    assert "replayed" not in serve(gate, "who", key="k")[1]
    assert "replayed" not in serve(gate, "who", key="k")[1]


def test_the_key_is_the_calls_and_not_its_handlers(gate: Connection, database: str) -> None:
    nested = "begin return dbkit.route_api_call('put', p_payload) -> 'data'; end"
    with connect(database) as conn:
        register(conn, "outer", "v2", handler(conn, "outer", nested, "volatile"), "write")
    first, _ = serve(gate, "outer", {"note": "a"}, context=CLIENT, key="k")
    again, meta = serve(gate, "outer", {"note": "a"}, context=CLIENT, key="k")
    assert (again, meta["replayed"]) == (first, True)


def test_a_key_that_is_at_work_is_refused(gate: Connection, database: str) -> None:
    wait = "begin perform pg_advisory_xact_lock(77); return guest.put(p_payload); end"
    with connect(database, autocommit=True) as one_more:
        register(one_more, "slow", "v2", handler(one_more, "slow", wait, "volatile"), "write")
        one_more.execute("select pg_advisory_lock(77)")
        gate_pid = gate.info.backend_pid
        with connect(database, autocommit=True) as second:
            second.execute("set session authorization dbkit_gateway")
            arguments = ("slow", '{"note": "a"}', None, "anon", False, json.dumps(CLIENT), None)
            gate.pgconn.send_query_params(
                SERVE.replace("%s", "{}").format(*(f"${n}" for n in range(1, 9))).encode(),
                [None if a is None else str(a).lower().encode() for a in (*arguments, "k")],
            )
            waits = "exists (select from pg_locks where pid = {} and not granted)"
            wait_until(one_more, waits.format(gate_pid))
            with raises(second, "KD111"):
                serve(second, "slow", {"note": "a"}, context=CLIENT, key="k")
            one_more.execute("select pg_advisory_unlock(77)")
            while gate.pgconn.get_result() is not None:
                pass
            assert serve(second, "slow", {"note": "a"}, context=CLIENT, key="k")[1]["replayed"]
