create or replace function dbkit._register_query(
  p_query text,
  p_handler text,
  p_depends_on text[] default '{}',
  p_ttl_seconds int default 300,
  p_vary text default 'user',
  p_stream_type text default null,
  p_stream_param text default null,
  p_projections text[] default '{}',
  p_max_entries int default 1000,
  p_params_schema jsonb default '{"type": "object"}',
  p_required_role text default 'authenticated',
  p_description text default ''
)
returns void
language plpgsql
volatile
as $$
declare
  v_schema jsonb := coalesce(p_params_schema, '{"type": "object"}');
  v_signature text;
  v_problem text;
begin
  perform dbkit._lock_registry();
  v_signature := dbkit._check_handler('KD609', 'query', p_query, p_handler, v_schema, p_required_role, true);
  v_problem := dbkit._query_problem(p_depends_on, p_stream_type, p_stream_param, p_projections, p_ttl_seconds,
    p_max_entries, p_vary, v_signature::regprocedure);
  if v_problem is not null then
    perform dbkit.raise_error('KD609', format('the query %s cannot be registered: %s', p_query, v_problem),
      jsonb_build_object('query', p_query, 'handler', p_handler),
      'The comment of dbkit.register_query says what it needs.');
  end if;
  insert into dbkit.query_definitions (query, handler_signature, event_types, stream_type, stream_param, projections,
    vary, ttl_seconds, max_entries, params_schema, required_role, description, revision, registered_at, registered_by)
  values (p_query, v_signature, array(select distinct t from unnest(p_depends_on) as t order by t), p_stream_type,
    p_stream_param, array(select distinct t from unnest(p_projections) as t order by t), p_vary, p_ttl_seconds,
    p_max_entries, v_schema, p_required_role, coalesce(p_description, ''), gen_random_uuid(), dbkit.clock(),
    dbkit.caller_role())
  on conflict (query) do update
  set handler_signature = excluded.handler_signature, event_types = excluded.event_types,
    stream_type = excluded.stream_type, stream_param = excluded.stream_param, projections = excluded.projections,
    vary = excluded.vary, ttl_seconds = excluded.ttl_seconds, max_entries = excluded.max_entries,
    params_schema = excluded.params_schema, required_role = excluded.required_role,
    description = excluded.description, revision = excluded.revision, registered_at = excluded.registered_at,
    registered_by = excluded.registered_by;
  delete from dbkit.query_cache c where c.query = p_query;
  perform dbkit._generate_queries();
end
$$;
comment on function dbkit._register_query(
  text, text, text[], int, text, text, text, text[], int, jsonb, text, text) is
  'What register_query does after it checked the caller; migrations call it for shipped queries.';
