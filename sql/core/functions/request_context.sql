create or replace function dbkit.request_context()
returns jsonb
language plpgsql
stable
as $$
begin
  return (
    select jsonb_strip_nulls(jsonb_object_agg(k, dbkit.context_value(k)))
    from unnest(array['app_name', 'app_version', 'api_version', 'client_id', 'region', 'request_id',
      'user_id', 'organization_id', 'correlation_id', 'causation_id']) as k
  );
end
$$;
comment on function dbkit.request_context() is
  'The request context as one JSON object, without the keys that have no value.';
grant execute on function dbkit.request_context() to anon, authenticated, service_role, super_admin;
