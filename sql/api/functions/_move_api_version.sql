-- What a switch does once its caller may: under the pointer's row lock, which the caller of this holds.
create or replace function dbkit._move_api_version(
  p_old dbkit.active_api_version,
  p_new_version text,
  p_fallback_version text,
  p_details jsonb
)
returns jsonb
language plpgsql
volatile
as $$
declare
  v_fallback text :=
    coalesce(p_fallback_version, dbkit._default_fallback(p_new_version, p_old.current_version));
  v_deployment text;
begin
  perform dbkit._check_switch(p_new_version, v_fallback);
  v_deployment := dbkit._log_api_switch(p_new_version, p_details || jsonb_build_object(
    'previous_version', p_old.current_version, 'fallback_version', v_fallback,
    'revision', p_old.revision + 1));
  update dbkit.active_api_version
  set current_version = p_new_version,
    fallback_version = v_fallback,
    revision = p_old.revision + 1,
    routes_revision = dbkit._routes_revision(),
    updated_at = dbkit.clock(),
    updated_by = dbkit.caller_role(),
    deployment_id = v_deployment
  where id = 1;
  perform pg_notify('dbkit_api_version', jsonb_build_object(
    'current_version', p_new_version, 'fallback_version', v_fallback,
    'revision', p_old.revision + 1)::text);
  return jsonb_build_object('success', true, 'previous_version', p_old.current_version,
    'current_version', p_new_version, 'fallback_version', v_fallback,
    'revision', p_old.revision + 1, 'deployment_id', v_deployment);
end
$$;
comment on function dbkit._move_api_version(dbkit.active_api_version, text, text, jsonb) is
  'Moves the pointer, logs and notifies; raises what _check_switch raises. Answers as switch_api_version.';
