"""What schema dbkit looks like in a database, as text that two databases can be compared by.

Left out: object ids, the owner's name (written as `owner`), day partitions (they depend on the
day), the numbers of calls and with them the generated dispatcher's text, and the not-null
constraints that only newer servers keep in pg_constraint.
"""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg.rows import tuple_row

_NO_PARTITION = "c.relname !~ '_[0-9]{8}(_|$)' and c.relname !~ '^alembic_version'"
_ACL = """(
  select coalesce(string_agg(entry, ' ' order by entry), '')
  from (
    select format('%s=%s', case a.grantee when 0 then 'PUBLIC' when {owner} then 'owner'
      else a.grantee::regrole::text end, a.privilege_type) as entry
    from aclexplode({acl}) a where a.privilege_type <> 'MAINTAIN') as entries)"""

_FUNCTION_ACL = _ACL.format(
    owner="p.proowner", acl="coalesce(p.proacl, acldefault('f', p.proowner))"
)

_QUERIES = {
    "function": f"""
        select p.oid::regprocedure::text,
          case when p.prokind = 'a' then 'aggregate'
            when obj_description(p.oid, 'pg_proc') like 'Generated from %' then 'generated'
            else pg_get_functiondef(p.oid) end
          || {_FUNCTION_ACL}
          || coalesce(obj_description(p.oid, 'pg_proc'), '')
        from pg_proc p where p.pronamespace = to_regnamespace('dbkit')""",
    "relation": f"""
        select c.relname, format('%s rls=%s forced=%s options=%s acl=%s %s', c.relkind,
          c.relrowsecurity, c.relforcerowsecurity, c.reloptions,
          {_ACL.format(owner="c.relowner", acl="coalesce(c.relacl, acldefault('r', c.relowner))")},
          obj_description(c.oid, 'pg_class'))
        from pg_class c where c.relnamespace = to_regnamespace('dbkit')
          and c.relkind in ('r', 'p', 'v', 'm', 'S')
          and {_NO_PARTITION}""",
    "column": f"""
        select c.relname || '.' || a.attname, format('%s null=%s default=%s identity=%s '
          'generated=%s collation=%s acl=%s %s', format_type(a.atttypid, a.atttypmod),
          not a.attnotnull, pg_get_expr(d.adbin, d.adrelid), a.attidentity, a.attgenerated,
          nullif(a.attcollation, 100)::regcollation,
          {_ACL.format(owner="c.relowner", acl="a.attacl")}, col_description(c.oid, a.attnum))
        from pg_attribute a join pg_class c on c.oid = a.attrelid
        left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
        where c.relnamespace = to_regnamespace('dbkit') and a.attnum > 0 and not a.attisdropped
          and c.relkind in ('r', 'p', 'v', 'm') and {_NO_PARTITION}""",
    "constraint": f"""
        select c.relname || '.' || k.conname, pg_get_constraintdef(k.oid)
        from pg_constraint k join pg_class c on c.oid = k.conrelid
        where c.relnamespace = to_regnamespace('dbkit') and k.contype <> 'n' and {_NO_PARTITION}""",
    "index": f"""
        select c.relname, pg_get_indexdef(c.oid) from pg_class c
        where c.relnamespace = to_regnamespace('dbkit') and c.relkind in ('i', 'I')
          and {_NO_PARTITION}""",
    "view": r"""
        -- Postgres 15 writes the alias of an only table before each column, later ones do not.
        select c.relname, regexp_replace(pg_get_viewdef(c.oid), '\m[a-z]\.', '', 'g')
        from pg_class c
        where c.relnamespace = to_regnamespace('dbkit') and c.relkind in ('v', 'm')""",
    "trigger": f"""
        select c.relname || '.' || t.tgname, pg_get_triggerdef(t.oid) || t.tgenabled::text
        from pg_trigger t join pg_class c on c.oid = t.tgrelid
        where c.relnamespace = to_regnamespace('dbkit') and not t.tgisinternal
          and {_NO_PARTITION}""",
    "policy": """
        select c.relname || '.' || p.polname, format('%s %s to %s using %s check %s', p.polcmd,
          p.polpermissive, (
            select string_agg(name, ' ' order by name) from (
              select case r when c.relowner then 'owner' else r::regrole::text end as name
              from unnest(p.polroles) r) roles),
          pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid))
        from pg_policy p join pg_class c on c.oid = p.polrelid
        where c.relnamespace = to_regnamespace('dbkit')""",
    "schema": f"""
        select n.nspname, {_ACL.format(owner="n.nspowner", acl="n.nspacl")}
          || coalesce(obj_description(n.oid, 'pg_namespace'), '')
        from pg_namespace n where n.nspname = 'dbkit'""",
    "call": """
        select format('%s %s', r.name, r.version), row_to_json(r)::jsonb
          - array['rpc_id', 'registered_at', 'registered_by'] #>> '{}'
        from dbkit.api_rpcs r""",
}


def snapshot(connection: psycopg.Connection[Any]) -> dict[str, str]:
    """Every object of the schema: kind and name → definition, rights and comment."""
    found: dict[str, str] = {}
    with connection.transaction(), connection.cursor(row_factory=tuple_row) as cursor:
        cursor.execute("set local search_path = pg_catalog")
        cursor.execute("select to_regclass('dbkit.api_rpcs') is not null")
        has_calls = cursor.fetchall() == [(True,)]
        for kind, query in _QUERIES.items():
            if kind != "call" or has_calls:
                cursor.execute(query.encode())
                found |= {f"{kind} {name}": str(text) for name, text in cursor.fetchall()}
    return found


def differences(left: dict[str, str], right: dict[str, str]) -> list[str]:
    """Names of objects that are not the same on both sides, with the side that lacks one."""
    report: list[str] = []
    for name in sorted(left.keys() | right.keys()):
        if name not in right:
            report.append(f"{name}: only on the left")
        elif name not in left:
            report.append(f"{name}: only on the right")
        elif left[name] != right[name]:
            report.append(f"{name}: differs\n  left:  {left[name]}\n  right: {right[name]}")
    return report
