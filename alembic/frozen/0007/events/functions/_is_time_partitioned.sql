create or replace function dbkit._is_time_partitioned()
returns boolean
language sql
immutable
as $$
select false
$$;
comment on function dbkit._is_time_partitioned() is
  'Generated from the indexes of event_store by _generate_event_functions: whether no unique index keeps event
ids apart, because the table is partitioned by time. Appends then look for an id before they insert.';
