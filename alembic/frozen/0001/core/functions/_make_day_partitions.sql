-- Days are UTC days, written as such: a session's time zone must not move a border. There is no
-- DEFAULT partition: it would have to be scanned whenever one is added. The parent is locked in
-- SHARE UPDATE EXCLUSIVE by ATTACH, which neither readers nor writers wait for.
create or replace function dbkit._make_day_partitions(p_table regclass, p_days_ahead int)
returns int
language plpgsql
volatile
as $$
declare
  v_parent text := (select relname::text from pg_class where oid = p_table);
  v_today date := (dbkit.clock() at time zone 'UTC')::date;
  v_day date;
  v_name text;
  v_made int := 0;
begin
  if p_days_ahead is null or p_days_ahead not between 0 and 400 then
    perform dbkit.raise_error('KD004', 'p_days_ahead must be between 0 and 400',
      jsonb_build_object('argument', 'p_days_ahead', 'value', p_days_ahead));
  end if;
  if not exists (
    select from pg_class where oid = p_table and relkind = 'p' and relnamespace = 'dbkit'::regnamespace
  ) then
    perform dbkit.raise_error('KD004', format('%s is not a partitioned table of dbkit', p_table),
      jsonb_build_object('argument', 'p_table', 'value', p_table::text));
  end if;
  perform pg_advisory_xact_lock(hashtextextended('dbkit.partitions ' || v_parent, 0));
  for v_day in select v_today + n from generate_series(0, p_days_ahead) as n loop
    v_name := format('%s_%s', v_parent, to_char(v_day, 'YYYYMMDD'));
    if to_regclass(format('dbkit.%I', v_name)) is null then
      execute format('create table dbkit.%I (like %s including defaults including constraints '
        'including generated)', v_name, p_table);
      execute format('alter table %s attach partition dbkit.%I for values from (%L) to (%L)',
        p_table, v_name, v_day::text || ' 00:00:00+00', (v_day + 1)::text || ' 00:00:00+00');
      execute format('alter table dbkit.%I enable row level security', v_name);
      v_made := v_made + 1;
    end if;
  end loop;
  return v_made;
end
$$;
comment on function dbkit._make_day_partitions(regclass, int) is
  'What ensure_day_partitions does, for functions of the owner that checked the caller already.';
