create or replace function dbkit.append_events(
  p_aggregate_type text,
  p_aggregate_id text,
  p_events jsonb,
  p_expected_version bigint default null
)
returns jsonb
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
begin
  perform dbkit._require_stream_access(p_aggregate_type);
  return dbkit._append_events(dbkit.current_organization(), dbkit.context_value('user_id'),
    p_aggregate_type, p_aggregate_id, p_events, p_expected_version);
end
$$;
comment on function dbkit.append_events(text, text, jsonb, bigint) is
  'Appends 1 to 10000 events to one stream, all or none, with versions in the order given; else as
append_event. p_events: [{event_type, event_data, metadata?, event_id?, schema_version?}]. Events with ids
can be sent again: the same ids, contents and order return the first result with replayed true.
Returns {first_version bigint, last_version bigint, last_position bigint, event_ids uuid[], replayed boolean}.
Raises KD003, KD501 to KD506.';
grant execute on function dbkit.append_events(text, text, jsonb, bigint)
to authenticated, service_role, super_admin;
