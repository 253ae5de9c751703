create or replace function dbkit.state_as_of(
  p_aggregate_type text,
  p_aggregate_id text,
  p_at_time timestamptz
)
returns jsonb
language plpgsql
stable
as $$
begin
  if p_at_time is null then
    perform dbkit.raise_error('KD004', 'a time is needed', '{"argument": "p_at_time"}',
      'get_aggregate_state tells the state now.');
  end if;
  return dbkit._aggregate_state(dbkit.current_organization(), p_aggregate_type, p_aggregate_id, null, p_at_time,
    true) -> 'state';
end
$$;
comment on function dbkit.state_as_of(text, text, timestamptz) is
  'The state that a stream of the caller''s organization had at a time, {} before its first event; only the
state of what get_aggregate_state tells. Raises KD004, KD502, KD509, and what the applier raises.';
grant execute on function dbkit.state_as_of(text, text, timestamptz)
to authenticated, service_role, super_admin;
