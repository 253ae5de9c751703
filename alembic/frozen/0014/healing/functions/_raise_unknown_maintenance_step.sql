create or replace function dbkit._raise_unknown_maintenance_step(p_step text)
returns void
language plpgsql
volatile
as $$
begin
  perform dbkit.raise_error('KD747', format('there is no maintenance step %s', coalesce(left(p_step, 100), 'NULL')),
    jsonb_build_object('step', left(p_step, 100)), 'dbkit.get_maintenance_steps() lists them.');
end
$$;
comment on function dbkit._raise_unknown_maintenance_step(text) is 'Raises KD747.';
