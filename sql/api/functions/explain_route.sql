create or replace function dbkit.explain_route(
  p_name text,
  p_payload jsonb default '{}',
  p_requested_version text default null
)
returns jsonb
language plpgsql
stable
as $$
declare
  v_context text := dbkit.context_value('api_version');
  v_requested text := coalesce(p_requested_version, v_context);
  v_asked text := coalesce(v_requested, dbkit._default_version());
  v_key text := dbkit.app_version_key();
  v_candidates jsonb;
  v_rpc dbkit.api_rpcs;
begin
  if v_asked is not null then
    perform dbkit._require_version(v_asked);
  end if;
  select jsonb_agg(jsonb_build_object('version', c.version, 'handler', r.handler_signature,
      'verdict', c.verdict) order by c.rank)
  into v_candidates
  from (
    -- A version can stand there for newer apps as well; what it asks of its own generation comes last.
    select distinct on (t.version) t.rank, t.version, t.rpc_id, case
      when t.sunset_at <= dbkit.clock() then 'sunset'
      when t.min_app_key > v_key collate "C" then format('needs app %s',
        (select min(v.min_app_version) from dbkit.api_versions v where v.min_app_key = t.min_app_key))
      when t.brownouts @> dbkit.clock() then 'brown-out'
      else 'can serve' end as verdict
    from dbkit.api_routes t
    where t.name = p_name and t.asked = v_asked and t.explicit = (v_requested is not null)
      and (t.below_app_key is null or v_key < t.below_app_key collate "C")
    order by t.version, t.rank desc
  ) as c
  join dbkit.api_rpcs r on r.rpc_id = c.rpc_id;
  select r.* into v_rpc
  from jsonb_array_elements(v_candidates) with ordinality as c (entry, n)
  join dbkit.api_rpcs r on r.name = p_name and r.version = c.entry ->> 'version'
  where c.entry ->> 'verdict' in ('can serve', 'brown-out')
  order by c.n
  limit 1;
  return jsonb_build_object(
    'rpc', p_name,
    'asked_version', v_asked,
    'asked_because', case when p_requested_version is not null then 'requested'
      when v_context is not null then 'request context'
      when v_asked is distinct from (select current_version from dbkit.active_api_version)
        then case v_asked when dbkit._pinned_version() then 'pinned' else 'release' end
      else 'active' end,
    'served_version', v_rpc.version,
    'handler', v_rpc.handler_signature,
    'access', v_rpc.access,
    'app_version', dbkit.context_value('app_version'),
    'caller_role', dbkit.caller_role(),
    'allowed', v_rpc.rpc_id is not null
      and (v_rpc.required_role is null or dbkit.caller_has_role(v_rpc.required_role)),
    'required_role', v_rpc.required_role,
    'payload_errors', coalesce((
      select jsonb_agg(to_jsonb(e))
      from dbkit.validate_json(v_rpc.request_schema, coalesce(p_payload, '{}')) as e), '[]'),
    'candidates', coalesce(v_candidates, '[]'));
end
$$;
comment on function dbkit.explain_route(text, jsonb, text) is
  'Which version a call would be served from for this caller, and why; runs nothing. candidates: versions in
the order they are tried, each with its verdict. Raises KD102.
Returns {rpc text, asked_version text, asked_because text, served_version text?, handler text?, access text?, app_version text?, caller_role text, allowed boolean, required_role text?, payload_errors json, candidates json}';
grant execute on function dbkit.explain_route(text, jsonb, text)
to anon, authenticated, service_role, super_admin;
