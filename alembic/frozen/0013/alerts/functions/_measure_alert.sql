create or replace function dbkit._measure_alert(
  p_signature text,
  p_now timestamptz,
  p_window_minutes int,
  p_params jsonb,
  out value double precision,
  out samples bigint
)
language plpgsql
stable
as $$
declare
  v_function regproc := to_regprocedure(p_signature)::oid::regproc;
begin
  if v_function is null then
    perform dbkit.raise_error('KD724', format('the metric''s function %s is gone', p_signature),
      jsonb_build_object('function', p_signature), 'Register the metric again.');
  end if;
  execute format('select m.value, m.samples from %s($1, $2, $3) as m', v_function)
  into value, samples
  using p_now, p_window_minutes, p_params;
  value := case when value > '-Infinity' and value < 'Infinity' then value end;
end
$$;
comment on function dbkit._measure_alert(text, timestamptz, int, jsonb) is
  'What a metric''s function says; a value that is no finite number is NULL, that is no data. Raises what it
raises.';
grant execute on function dbkit._measure_alert(text, timestamptz, int, jsonb) to service_role, super_admin;
