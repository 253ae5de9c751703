-- A row trigger reaches every partition by itself, a truncate trigger none. A partition also has row
-- security of its own: without it, a right on the partition would pass by the policies of the table.
create or replace function dbkit.protect_event_partitions()
returns table (partition_name text, added text)
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
declare
  v_part record;
begin
  perform dbkit.require_super_admin('protecting partitions of the event store');
  perform dbkit._lock_registry();
  perform dbkit._generate_event_functions();
  for v_part in
    select t.relation, g.guard, t.name
    from dbkit._event_tables('{event_store,event_streams,event_subject_receipts}') as t
    join dbkit._event_guards() as g on g.relation = t.relation
    where t.is_partition and g.problem is not null
  loop
    if v_part.guard = 'row security' then
      execute format('alter table %s enable row level security, force row level security', v_part.relation);
    else
      if v_part.guard like '%\_is\_not\_truncated' and not exists (
        select from pg_trigger t where t.tgrelid = v_part.relation and t.tgname = v_part.guard)
      then
        execute format('create trigger %I before truncate on %s for each statement '
          'execute function dbkit._refuse_event_change()', v_part.guard, v_part.relation);
      end if;
      execute format('alter table %s enable always trigger %I', v_part.relation, v_part.guard);
    end if;
    partition_name := v_part.relation::text;
    added := v_part.guard;
    return next;
  end loop;
end
$$;
comment on function dbkit.protect_event_partitions() is
  'For an event store that was partitioned: gives each partition what it lacks of the guards (a truncate
trigger, triggers that are always on, row security) and says what. Call it after making a partition;
verify_events reports what is missing. Locks each of those partitions for a moment. Needs super_admin.
Raises KD003.';
grant execute on function dbkit.protect_event_partitions() to super_admin;
