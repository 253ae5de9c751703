create or replace function dbkit.verify_stream(
  p_aggregate_type text,
  p_aggregate_id text,
  p_expected_hash text default null
)
returns table (
  problem text,
  organization_id text,
  aggregate_type text,
  aggregate_id text,
  version bigint,
  "position" bigint,
  detail jsonb
)
language plpgsql
stable
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
declare
  v_organization_id text := dbkit.current_organization();
begin
  perform dbkit.require_service('verifying a stream');
  if p_expected_hash !~ '^[0-9a-f]{64}$' then
    perform dbkit.raise_error('KD004', 'an expected hash has 64 hexadecimal digits',
      '{"argument": "p_expected_hash"}', 'get_stream_digest returns it as last_hash.');
  end if;
  if not exists (
    select from dbkit.event_streams s
    where s.organization_id = v_organization_id and s.aggregate_type = p_aggregate_type
      and s.aggregate_id = p_aggregate_id
    union all
    select from dbkit.event_store e
    where e.organization_id = v_organization_id and e.aggregate_type = p_aggregate_type
      and e.aggregate_id = p_aggregate_id
  ) then
    perform dbkit.raise_error('KD502', format('there is no stream %s/%s', p_aggregate_type, p_aggregate_id),
      jsonb_build_object('aggregate_type', p_aggregate_type, 'aggregate_id', p_aggregate_id),
      'get_streams lists them.');
  end if;
  return query
  select * from dbkit._stream_problems(v_organization_id, p_aggregate_type, p_aggregate_id);
  return query
  select * from dbkit._event_problems(null, null, v_organization_id, p_aggregate_type, p_aggregate_id);
  if p_expected_hash is not null and not exists (
    select from dbkit.event_store e
    where e.organization_id = v_organization_id and e.aggregate_type = p_aggregate_type
      and e.aggregate_id = p_aggregate_id and e.hash = decode(p_expected_hash, 'hex')
  ) then
    return query
    select 'expected_hash_missing', v_organization_id, p_aggregate_type, p_aggregate_id, null::bigint,
      null::bigint, jsonb_build_object('expected_hash', p_expected_hash);
  end if;
end
$$;
comment on function dbkit.verify_stream(text, text, text) is
  'Checks one stream of the caller''s organization: its head, events and snapshots, as verify_events does.
p_expected_hash: a last_hash that get_stream_digest once returned and that was kept elsewhere; expected_hash_missing when no event
of the stream has it, so that its history was written anew. No row when all is well.
Needs service_role. Raises KD003, KD004, KD502, and what an applier raises.
Nullable: version, position.';
grant execute on function dbkit.verify_stream(text, text, text) to service_role, super_admin;
