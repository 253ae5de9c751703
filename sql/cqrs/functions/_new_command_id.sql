-- PostgreSQL has uuidv7() since 18 only. One expression, so that it becomes part of its caller's.
create or replace function dbkit._new_command_id()
returns uuid
language sql
volatile
as $$
select encode(set_bit(set_bit(overlay(uuid_send(gen_random_uuid())
  placing substring(int8send(floor(extract(epoch from case
    when coalesce(current_setting('dbkit.clock', true), '') = '' then clock_timestamp()
    else dbkit.clock() end) * 1000)::bigint) from 3)
  from 1 for 6), 52, 1), 53, 1), 'hex')::uuid
$$;
comment on function dbkit._new_command_id() is 'A UUID of version 7: it begins with the milliseconds.';
grant execute on function dbkit._new_command_id() to anon, authenticated, service_role, super_admin;
