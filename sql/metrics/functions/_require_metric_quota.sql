create or replace function dbkit._require_metric_quota(p_type dbkit.metric_event_types, p_event_data jsonb)
returns void
language plpgsql
volatile
as $$
declare
  v_bytes bigint := (pg_column_size(p_event_data) + 100)::bigint;
  v_given record;
begin
  if not p_type.anon_may then
    perform dbkit.require_service(format('recording %s', p_type.event_type));
  end if;
  if octet_length(p_event_data::text) > (select s.max_event_bytes from dbkit.metric_settings s) then
    perform dbkit.raise_error('KD701', format('%s: event_data is too large', p_type.event_type),
      jsonb_build_object('event_type', p_type.event_type, 'problem', 'too large'));
  end if;
  select * into v_given from dbkit._grant_metric_bytes(v_bytes);
  if v_given.granted < v_bytes then
    perform dbkit.raise_error('KD704', 'too many metrics in this minute',
      jsonb_build_object('reason', v_given.reason), 'Try again in the next minute, or send them in batches.');
  end if;
end
$$;
comment on function dbkit._require_metric_quota(dbkit.metric_event_types, jsonb) is
  'What a caller without service_role has to fulfil. Raises KD003, KD701, KD704.';
