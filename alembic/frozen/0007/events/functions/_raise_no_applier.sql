create or replace function dbkit._raise_no_applier(p_aggregate_type text)
returns jsonb
language plpgsql
volatile
as $$
begin
  perform dbkit.raise_error('KD509', format('no applier is registered for %s', p_aggregate_type),
    jsonb_build_object('aggregate_type', p_aggregate_type), 'register_applier says how its state is folded.');
  return null;
end
$$;
comment on function dbkit._raise_no_applier(text) is 'Raises KD509; never returns.';
grant execute on function dbkit._raise_no_applier(text) to authenticated, service_role, super_admin;
