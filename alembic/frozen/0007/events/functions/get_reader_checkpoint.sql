create or replace function dbkit.get_reader_checkpoint(p_reader text)
returns bigint
language sql
stable
as $$
  select coalesce((
    select c.position from dbkit.event_reader_checkpoints c where c.reader = p_reader), 0)
$$;
comment on function dbkit.get_reader_checkpoint(text) is
  'The position that save_reader_checkpoint kept for a reader; 0, before the first event, for
one that kept none. Needs service_role.';
grant execute on function dbkit.get_reader_checkpoint(text) to service_role, super_admin;
