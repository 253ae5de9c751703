create or replace function dbkit._generate_event_layout()
returns void
language plpgsql
volatile
as $$
begin
  execute format(
    $text$
create or replace function dbkit._is_time_partitioned()
returns boolean
language sql
immutable
as %L
    $text$, format(E'\nselect %s\n', (not exists (
      select
      from pg_catalog.pg_index i
      where i.indrelid = 'dbkit.event_store'::regclass and i.indisunique and i.indisvalid
        and array(
          select a.attname::text
          from pg_catalog.pg_attribute a
          where a.attrelid = i.indrelid and a.attnum = any (i.indkey)
          order by a.attname) = '{event_id,organization_id}'))::text));
end
$$;
comment on function dbkit._generate_event_layout() is
  'Writes _is_time_partitioned from the indexes that event_store has. The caller holds the registry lock.';
