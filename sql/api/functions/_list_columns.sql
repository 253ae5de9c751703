-- Types without a class can be shown, but not compared: their text depends on settings (interval, money),
-- or no index orders them as a client would expect (json, arrays).
create or replace function dbkit._list_columns(p_source text, p_not_null text[])
returns jsonb
language plpgsql
stable
as $$
begin
  return (
    select jsonb_object_agg(a.attname, jsonb_strip_nulls(jsonb_build_object(
      'type', format('%I.%I', n.nspname, t.typname),
      'class', case
        when t.typtype = 'e' then 'other'
        when n.nspname <> 'pg_catalog' then null
        when t.typname in ('int2', 'int4', 'int8') then 'integer'
        when t.typname in ('numeric', 'float8') then 'number'
        when t.typname = 'bool' then 'boolean'
        when t.typname in ('text', 'varchar', 'bpchar') then 'text'
        when t.typname in ('timestamptz', 'timestamp', 'date') then 'time'
        when t.typname = 'uuid' then 'uuid'
        when t.typname in ('float4', 'time', 'inet', 'cidr', 'macaddr', 'bytea') then 'other' end,
      'like', case when t.typname in ('text', 'varchar') and n.nspname = 'pg_catalog'
        then coalesce((select l.collisdeterministic from pg_catalog.pg_collation l where l.oid = a.attcollation), false)
        end,
      'not_null', a.attnotnull or a.attname = any (p_not_null))))
    from pg_catalog.pg_attribute a
    join pg_catalog.pg_type d on d.oid = a.atttypid
    join pg_catalog.pg_type t on t.oid = case d.typtype when 'd' then d.typbasetype else d.oid end
    join pg_catalog.pg_namespace n on n.oid = t.typnamespace
    where a.attrelid = to_regclass(p_source) and a.attnum > 0 and not a.attisdropped
      and a.attname ~ '^[a-zA-Z_][a-zA-Z0-9_]{0,62}$'
  );
end
$$;
comment on function dbkit._list_columns(text, text[]) is
  'The columns of a table or view by name: {type, class?, like?, not_null}. class says how page_list
checks a value; without one a column can be shown only. p_not_null: columns of a view that are never
NULL.';
