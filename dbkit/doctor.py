"""What is wrong with a database, or soon will be: each check says what it found and what to do.

Checks only read. What the login may not see is a warning, not a failure of the doctor.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import psycopg

from dbkit import migrations
from dbkit.sqltree import ObjectId

Status = Literal["ok", "warning", "problem"]
Connection: TypeAlias = "psycopg.Connection[tuple[Any, ...]]"

# Before these a prepared statement keeps the row-level rights of the role that it was made under,
# and libpq's tools trust a server's names: each release's notes say which CVEs it closes.
SAFE_MINORS = {15: 19, 16: 15, 17: 11, 18: 6}

# Before these libpq, which the driver brings along, can be made to write past its buffers.
SAFE_CLIENTS = {13: 23, 14: 20, 15: 15, 16: 11, 17: 7, 18: 1}

RUNWAY_DAYS = 3
_MANY_CONNECTIONS = 500


@dataclass(frozen=True)
class Check:
    """One thing looked at. `problem` needs action now, `warning` some day."""

    name: str
    status: Status
    found: str
    advice: str = ""


def examine(connection: Connection) -> list[Check]:
    """Every check that applies to this database, as its login sees it."""
    installed = bool(_values(connection, "select to_regclass('dbkit.alembic_version')")[0])
    checks = [*_ANYWHERE, *(_INSTALLED if installed else [])]
    return [_run(connection, name, check) for name, check in checks]


def _run(connection: Connection, name: str, check: _Look) -> Check:
    try:
        with connection.transaction():
            return Check(name, *check(connection))
    except psycopg.errors.InsufficientPrivilege as error:
        found = f"this login may not look: {error.diag.message_primary}"
        return Check(name, "warning", found, "Run doctor as the owner of schema dbkit.")
    except (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedFunction) as error:
        found = f"cannot be checked at this revision: {error.diag.message_primary}"
        return Check(name, "warning", found, "Run `dbkit migrate`, then doctor again.")


_Finding: TypeAlias = tuple[Status, str, str]
_Look: TypeAlias = Callable[[Connection], _Finding]


def _values(connection: Connection, query: str, *parameters: object) -> list[Any]:
    """The first column."""
    return [row[0] for row in connection.execute(query.encode(), parameters or None).fetchall()]


def _listed(names: Iterable[str], most: int = 5) -> str:
    found = list(names)
    more = f" and {len(found) - most} more" if len(found) > most else ""
    return ", ".join(found[:most]) + more


# --- the server ------------------------------------------------------------------------------


def server_version(number: int) -> _Finding:
    """Judge `server_version_num` (180006 is 18.6)."""
    major, minor = divmod(number, 10000)
    shown = f"PostgreSQL {major}.{minor}"
    if major < min(SAFE_MINORS):
        return "problem", shown, f"dbkit needs PostgreSQL {min(SAFE_MINORS)} or newer: upgrade."
    safe = SAFE_MINORS.get(major, 0)
    if minor < safe:
        found = f"{shown} has known holes in row-level security and in client tools"
        return "problem", found, f"Upgrade to {major}.{safe} or newer; the data stay as they are."
    return "ok", shown, ""


def _server_version(connection: Connection) -> _Finding:
    query = "select current_setting('server_version_num')::int"
    return server_version(_values(connection, query)[0])


def client_version(number: int) -> _Finding:
    """Judge libpq's version (180006 is 18.6)."""
    major, minor = divmod(number, 10000)
    shown = f"libpq {major}.{minor}"
    if major < min(SAFE_CLIENTS) or minor < SAFE_CLIENTS.get(major, 0):
        advice = "Upgrade psycopg[binary], or the libpq of this machine."
        return "problem", f"{shown} has known holes", advice
    return "ok", shown, ""


def _client_version(_: Connection) -> _Finding:
    return client_version(psycopg.pq.version())


def _durability(connection: Connection) -> _Finding:
    """Settings that lose what was acknowledged, or let tables grow for ever."""
    query = """
        select format('%s is %s', name, setting), name <> 'synchronous_commit' from pg_settings
        where (name, setting) in (('fsync', 'off'), ('full_page_writes', 'off'),
          ('autovacuum', 'off'), ('synchronous_commit', 'off'))
        order by 1"""
    found = connection.execute(query).fetchall()
    if not found:
        return "ok", "nothing that is acknowledged can be lost in a crash", ""
    status: Status = "problem" if any(severe for _, severe in found) else "warning"
    return status, _listed(text for text, _ in found), "alter system set …; then reload."


def _connections(connection: Connection) -> _Finding:
    query = """
        select count(*), current_setting('max_connections')::int
        from pg_stat_activity where backend_type = 'client backend'"""
    used, most = connection.execute(query).fetchall()[0]
    found = f"{used} of {most} connections in use"
    if used > 0.8 * most:
        return "warning", found, "Put a pooler in front, or raise max_connections (restart)."
    if most > _MANY_CONNECTIONS:
        advice = "Each connection is a process: use a pooler and fewer connections."
        return "warning", f"max_connections is {most}", advice
    return "ok", found, ""


def _idle_transactions(connection: Connection) -> _Finding:
    name = "idle_in_transaction_session_timeout"
    if _values(connection, f"select current_setting('{name}')")[0] != "0":
        return "ok", f"{name} is set", ""
    return (
        "warning",
        f"{name} is 0: an abandoned transaction holds its locks for ever",
        f"alter database {_database(connection)} set {name} = '60s';",
    )


def _track_functions(connection: Connection) -> _Finding:
    value = _values(connection, "select current_setting('track_functions')")[0]
    if value != "none":
        return "ok", f"track_functions is {value}", ""
    return (
        "warning",
        "track_functions is none: nobody counts calls and times of functions",
        f"alter database {_database(connection)} set track_functions = 'pl';",
    )


def _replication_slots(connection: Connection) -> _Finding:
    query = """
        select format('%s (%s, keeps %s)', slot_name, coalesce(wal_status, 'no WAL'),
            coalesce(pg_size_pretty(pg_wal_lsn_diff(
              case when pg_is_in_recovery() then pg_last_wal_replay_lsn()
                else pg_current_wal_lsn() end, restart_lsn)), 'nothing')),
          coalesce(wal_status, '') in ('unreserved', 'lost')
        from pg_replication_slots where not active order by slot_name"""
    slots = connection.execute(query).fetchall()
    if not slots:
        return "ok", "no unused replication slot", ""
    status: Status = "problem" if any(lost for _, lost in slots) else "warning"
    found = f"unused: {_listed(slot for slot, _ in slots)}"
    return status, found, "Start its consumer, or select pg_drop_replication_slot('…');"


def _invalid_indexes(connection: Connection) -> _Finding:
    query = """
        select indexrelid::regclass::text from pg_index i
        where not (indisvalid and indisready)
          and not exists (
            select from pg_stat_progress_create_index p where p.index_relid = i.indexrelid)
          and (select relkind from pg_class c where c.oid = i.indexrelid) = 'i'
        order by 1"""
    names = _values(connection, query)
    if not names:
        return "ok", "every index is valid", ""
    advice = f"reindex index concurrently {names[0]};" if len(names) == 1 else "Reindex them."
    return "warning", f"invalid, so unused yet written: {_listed(names)}", advice


def _database(connection: Connection) -> str:
    return str(_values(connection, "select quote_ident(current_database())")[0])


# --- what dbkit put there --------------------------------------------------------------------


def _revision(connection: Connection) -> _Finding:
    known = migrations.frozen_revisions()
    here = None
    if _values(connection, "select to_regclass('dbkit.alembic_version')")[0]:
        found = _values(connection, "select version_num from dbkit.alembic_version")
        here = found[0] if found else None
    if here is None:
        return "problem", "dbkit is not installed in this database", "Run `dbkit migrate`."
    head = migrations.head()
    if here == head:
        return "ok", f"at {here}, the newest revision", ""
    if here > max(head, *known):
        advice = "Upgrade the Python package to the version that migrated this database."
        return "problem", f"at {here}, which this package (newest: {head}) does not know", advice
    return "problem", f"at {here}, the newest revision is {head}", "Run `dbkit migrate`."


def _search_path(connection: Connection) -> _Finding:
    if "dbkit" in _values(connection, "select current_schemas(false)")[0]:
        return "ok", "dbkit is in the search path", ""
    return (
        "warning",
        "dbkit is not in the search path: calls must be written as dbkit.…",
        f'alter database {_database(connection)} set search_path = "$user", public, dbkit;',
    )


_BODY = re.compile(r"\bas (\$\w*\$)(.*?)\1", re.DOTALL)


def _shipped_functions(revision: str) -> dict[str, str]:
    """Newest frozen text of each function at a revision, by name."""
    shipped: dict[ObjectId, str | None] = {}
    for older in migrations.frozen_revisions():
        if older <= revision:
            for item in migrations.frozen_order(older):
                if item.kind == "functions":
                    shipped[item] = migrations.frozen_text(older, item)
    return {item.name: text for item, text in shipped.items() if text is not None}


@dataclass(frozen=True)
class _Function:
    """What makes a function behave as it does, from its file or from the catalog."""

    body: str
    definer: bool
    pinned: bool


def _as_written(text: str) -> _Function | None:
    match = _BODY.search(text)
    if match is None:
        return None
    head = text[: match.start()]
    definer, pinned = "\nsecurity definer" in head, "\nset search_path" in head
    return _Function(_normal(match.group(2)), definer, pinned)


def _normal(body: str) -> str:
    return body.replace("\r\n", "\n").strip()


def _catalog_drift(connection: Connection) -> _Finding:
    revision = _values(connection, "select version_num from dbkit.alembic_version")[0]
    query = """
        select proname, prosrc, prosecdef,
          coalesce(array_to_string(proconfig, ' ') like '%search_path=%', false),
          coalesce(obj_description(oid, 'pg_proc') like 'Generated from %', false)
        from pg_proc where pronamespace = 'dbkit'::regnamespace"""
    there: dict[str, list[_Function]] = {}
    generated: set[str] = set()
    for name, body, definer, pinned, is_generated in connection.execute(query).fetchall():
        there.setdefault(name, []).append(_Function(_normal(body), definer, pinned))
        if is_generated:
            generated.add(name)
    written = {name: _as_written(text) for name, text in _shipped_functions(revision).items()}
    missing = sorted(set(written) - set(there))
    same = {n for n, f in written.items() if f is None or there.get(n) == [f]}
    other = sorted((set(written) & set(there)) - same - generated)
    extra = sorted(set(there) - set(written) - generated)
    kinds = {"missing": missing, "not as shipped": other, "not ours": extra}
    found = "; ".join(f"{what}: {_listed(names)}" for what, names in kinds.items() if names)
    if not found:
        return "ok", f"{len(written)} functions are as shipped", ""
    advice = "`dbkit migrate --sql` prints the shipped text; own functions go to own schemas."
    return "problem" if missing else "warning", found, advice


def _promised_calls(connection: Connection) -> _Finding:
    query = """
        select format('%s in %s: %s', c.name, v.version, c.reason)
        from dbkit.active_api_version a
        cross join lateral (
          values (1, a.current_version), (2, a.fallback_version)) as v (n, version)
        cross join lateral dbkit._unresolved_calls(v.version) as c
        order by v.n, c.name"""
    broken = _values(connection, query)
    if not broken:
        versions = "select current_version || ' and ' || fallback_version"
        found = _values(connection, f"{versions} from dbkit.active_api_version")
        return "ok", f"every call of {_listed(found)} resolves", ""
    advice = "Create the handler, or `dbkit rpc register` the call; `dbkit explain` says more."
    return "problem", _listed(broken, 3), advice


def _handlers(connection: Connection) -> _Finding:
    query = """
        select format('%s %s: %s', name, version, handler_signature) from dbkit.api_rpcs
        where to_regprocedure(handler_signature) is null order by name, version"""
    missing = _values(connection, query)
    if missing:
        advice = "Create the function again, or unregister_rpc(name, version)."
        return "problem", f"no such function: {_listed(missing, 3)}", advice
    count = _values(connection, "select count(*) from dbkit.api_rpcs")[0]
    return "ok", f"{count} handlers are there", ""


def _partition_runway(connection: Connection) -> _Finding:
    query = """
        select p.relname, coalesce(max(to_date(right(c.relname, 8), 'YYYYMMDD')), date '2000-01-01')
          - (dbkit.clock() at time zone 'UTC')::date
        from pg_class p
        left join pg_inherits i on i.inhparent = p.oid
        left join pg_class c on c.oid = i.inhrelid and c.relname ~ '_[0-9]{8}$'
        where p.relnamespace = 'dbkit'::regnamespace and p.relkind = 'p'
        group by p.relname
        having count(i.inhrelid) = 0 or count(c.oid) > 0 -- not those in months or by hash
        order by 2, 1"""
    tables = connection.execute(query).fetchall()
    short = [(name, days) for name, days in tables if days < RUNWAY_DAYS]
    if not short:
        fewest = min((days for _, days in tables), default=0)
        return "ok", f"{fewest} days of partitions ahead", ""
    found = _listed(f"{name}: {max(days, 0)} days ahead" for name, days in short)
    calls = "; ".join(f"select dbkit.ensure_day_partitions('dbkit.{name}')" for name, _ in short)
    advice = f"{calls}; every day, by a worker or a timer."
    return "problem" if any(days < 0 for _, days in short) else "warning", found, advice


def _public_rights(connection: Connection) -> _Finding:
    query = """
        select p.oid::regprocedure::text from pg_proc p
        where pronamespace = 'dbkit'::regnamespace and exists (
          select from aclexplode(coalesce(proacl, acldefault('f', proowner))) a
          where a.grantee = 0 and a.privilege_type = 'EXECUTE')
        order by 1"""
    names = _values(connection, query)
    if not names:
        return "ok", "PUBLIC may execute nothing in schema dbkit", ""
    advice = f"revoke execute on function {names[0]} from public;"
    return "problem", f"PUBLIC may execute {_listed(names)}", advice


# A membership that only lets its holder administer the role (who made it has that) gives no rights.
_GATEWAY_LOGINS = """
    with recursive memberships as (
      select member, roleid from pg_auth_members as m
      where coalesce((to_jsonb(m) ->> 'inherit_option')::boolean, true)
        or coalesce((to_jsonb(m) ->> 'set_option')::boolean, true)
    ), gateways as (
      select oid from pg_roles where rolname = 'dbkit_gateway'
      union
      select m.member from memberships as m join gateways as g on m.roleid = g.oid
    ), logins as (
      select r.* from pg_roles as r join gateways using (oid) where rolcanlogin
    ), known as (
      select oid, rolname, deptype, count(*) as objects from logins join pg_shdepend
        on refclassid = 'pg_authid'::regclass and refobjid = oid
        and classid <> 'pg_database'::regclass
      group by oid, rolname, deptype
    )
    select rolname, null, false from logins
    union all
    select rolname, 'is a superuser', true from logins where rolsuper
    union all
    select rolname, 'has BYPASSRLS', true from logins where rolbypassrls
    union all
    select rolname, 'has CREATEROLE', true from logins where rolcreaterole
    union all
    select rolname, 'has REPLICATION', true from logins where rolreplication
    union all
    select rolname, format('owns %s objects', objects), true from known where deptype = 'o'
    union all
    select rolname, format('has rights of its own on %s objects', objects), false
    from known where deptype = 'a'
    union all
    select l.rolname, format('is a member of %s', m.roleid::regrole), false
    from logins as l join memberships as m on m.member = l.oid
    where m.roleid not in (select oid from gateways)
    order by 1, 2 nulls first"""


def _gateway_logins(connection: Connection) -> _Finding:
    found = connection.execute(_GATEWAY_LOGINS).fetchall()
    faults = [f"{login} {fault}" for login, fault, _ in found if fault is not None]
    if not faults:
        logins = [login for login, _, _ in found]
        rights = "can do nothing beside what its requests' roles can"
        return "ok", f"{_listed(logins)}: {rights}" if logins else "there is none", ""
    status: Status = "problem" if any(severe for _, _, severe in found) else "warning"
    advice = "Give the gateway a login of its own: create role … login in role dbkit_gateway;"
    return status, _listed(faults), advice


# --- what should be at work ------------------------------------------------------------------

# A task that has never run is given an hour: a database may be migrated before its worker starts.
_OVERDUE = """
    select task from dbkit.worker_tasks
    where next_run_at < dbkit.clock() - case when last_finished_at is null then interval '1 hour'
      else greatest(interval '5 minutes', 3 * every_seconds * interval '1 second') end
    order by next_run_at"""


def _workers(connection: Connection) -> _Finding:
    query = """
        select count(*) filter (where alive), coalesce(
          array_agg(format('%s (%s)', host, pid) order by host, pid) filter (where not alive), '{}')
        from (select *, beat_at > dbkit.clock() - interval '1 minute' as alive
          from dbkit.workers) as w"""
    alive, silent = connection.execute(query).fetchall()[0]
    overdue = _values(connection, _OVERDUE)
    advice = "Start `dbkit worker`, and have it started again when it ends."
    if not alive and (silent or overdue):
        found = f"silent: {_listed(silent)}" if silent else f"none; overdue: {_listed(overdue)}"
        return "problem", f"no worker is alive ({found})", advice
    if silent:
        return "warning", f"{alive} alive, without a word of farewell: {_listed(silent)}", advice
    return "ok", f"{alive} alive" if alive else "none, and nothing waits for one", ""


def _worker_tasks(connection: Connection) -> _Finding:
    query = """
        select format('%s (%s)', task, left(last_error, 100)) from dbkit.worker_tasks
        where failures_in_a_row >= 3 order by task"""
    failing = _values(connection, query)
    if failing:
        advice = "`dbkit worker tasks` shows them; select run_worker_task('…', true) tries again."
        return "problem", f"failing: {_listed(failing, 3)}", advice
    overdue = _values(connection, _OVERDUE)
    if overdue:
        return "warning", f"overdue: {_listed(overdue)}", "`dbkit worker tasks` shows them."
    return "ok", "every task runs when it is due", ""


def _alert_evaluator(connection: Connection) -> _Finding:
    if not _values(connection, "select to_regclass('dbkit.alert_rules')")[0]:
        return "ok", "this revision has no alert rules", ""
    enabled = _values(connection, "select count(*) from dbkit.alert_rules where enabled")[0]
    if enabled and "evaluate_alert_rules" in _values(connection, _OVERDUE):
        found = f"{enabled} rules are enabled, and nobody evaluates them"
        return "problem", found, "Start `dbkit worker`; select evaluate_alert_rules() does it once."
    return "ok", f"{enabled} rules are watched", ""


def _webhooks(connection: Connection) -> _Finding:
    query = """
        select format('%s (%s)', subscription_id, coalesce(left(disabled_reason, 100), 'by hand'))
        from dbkit.event_subscriptions where status = 'disabled' order by disabled_at desc"""
    disabled = _values(connection, query)
    if not disabled:
        return "ok", "no webhook is disabled", ""
    advice = "Repair the receiver, then `dbkit webhooks enable ID`."
    return "warning", f"disabled: {_listed(disabled, 3)}", advice


def _dead_letters(connection: Connection) -> _Finding:
    query = """
        select format('%s of %s (%s)', count(*), source_name, source) from dbkit.event_dead_letters
        where status = 'open' group by source, source_name order by count(*) desc"""
    letters = _values(connection, query)
    if not letters:
        return "ok", "none are open", ""
    return "warning", f"open: {_listed(letters)}", "`dbkit webhooks dead list`; requeue or discard."


def _release(connection: Connection) -> _Finding:
    query = """
        select format('%s for %s %% of consumers', version, share),
          coalesce(evaluated_at, started_at) < dbkit.clock() - interval '1 minute',
          new_calls + old_calls = 0 and step_started_at < dbkit.clock() - interval '5 minutes'
        from dbkit.api_releases where status = 'running'"""
    for release, unwatched, unlogged in connection.execute(query).fetchall():
        if unwatched:
            found = f"{release}, and nobody evaluates it"
            return "problem", found, "Start `dbkit worker`, or `dbkit release` to watch it."
        if unlogged:
            found = f"{release}, and no call is logged: it cannot be judged"
            return "warning", found, "Log requests (log_api_requests), with client_id."
        return "ok", f"{release} is watched", ""
    return "ok", "no guarded release is running", ""


def _deployments(connection: Connection) -> _Finding:
    query = """
        select format('%s (since %s)', deployment_id, to_char(deployed_at, 'YYYY-MM-DD HH24:MI'))
        from dbkit.deployment_log
        where status = 'deploying' and deployed_at < dbkit.clock() - interval '1 hour'
        order by deployed_at"""
    unfinished = _values(connection, query)
    if not unfinished:
        return "ok", "none is left unfinished", ""
    advice = "The next `dbkit deploy` gives its own up; others: select update_deployment_status(…)."
    return "warning", f"still deploying: {_listed(unfinished)}", advice


_ANYWHERE: list[tuple[str, _Look]] = [
    ("server version", _server_version),
    ("client library", _client_version),
    ("durability", _durability),
    ("revision", _revision),
    ("connections", _connections),
    ("idle transactions", _idle_transactions),
    ("function statistics", _track_functions),
    ("replication slots", _replication_slots),
    ("indexes", _invalid_indexes),
]
_INSTALLED: list[tuple[str, _Look]] = [
    ("search path", _search_path),
    ("catalog drift", _catalog_drift),
    ("promised calls", _promised_calls),
    ("handlers", _handlers),
    ("partitions", _partition_runway),
    ("rights of PUBLIC", _public_rights),
    ("gateway logins", _gateway_logins),
    ("workers", _workers),
    ("worker tasks", _worker_tasks),
    ("alert evaluator", _alert_evaluator),
    ("webhooks", _webhooks),
    ("dead letters", _dead_letters),
    ("guarded release", _release),
    ("deployments", _deployments),
]
