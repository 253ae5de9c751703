create or replace function dbkit.get_stream_digest(p_aggregate_type text, p_aggregate_id text)
returns jsonb
language plpgsql
stable
as $$
declare
  v_stream dbkit.event_streams;
begin
  select * into v_stream
  from dbkit.event_streams s
  where s.organization_id = dbkit.current_organization() and s.aggregate_type = p_aggregate_type
    and s.aggregate_id = p_aggregate_id;
  if not found then
    perform dbkit.raise_error('KD502', format('there is no stream %s/%s', p_aggregate_type, p_aggregate_id),
      jsonb_build_object('aggregate_type', p_aggregate_type, 'aggregate_id', p_aggregate_id),
      'get_streams lists them.');
  end if;
  return jsonb_build_object('version', v_stream.version, 'last_hash', encode(v_stream.last_hash, 'hex'));
end
$$;
comment on function dbkit.get_stream_digest(text, text) is
  'What to keep or publish outside of this database: whoever owns the tables could write a whole chain of
hashes anew, and only a digest from elsewhere shows it. verify_stream takes last_hash as p_expected_hash,
also when the stream has gone on since. last_hash is hex, NULL where the stream is not chained
(configure_aggregate).
Returns {version bigint, last_hash text?}.
Raises KD502.';
grant execute on function dbkit.get_stream_digest(text, text) to authenticated, service_role, super_admin;
