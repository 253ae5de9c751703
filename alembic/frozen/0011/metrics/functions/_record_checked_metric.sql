create or replace function dbkit._record_checked_metric(
  p_event_type text,
  p_event_data jsonb,
  p_session_id text,
  p_created_at timestamptz
)
returns bigint
language plpgsql
volatile
as $$
declare
  v_type dbkit.metric_event_types;
  v_problem text;
begin
  select * into v_type from dbkit.metric_event_types t where t.event_type = p_event_type;
  if not found then
    perform dbkit._raise_unknown_metric_type(p_event_type);
  end if;
  v_problem := dbkit._metric_problem(p_event_data, p_session_id, v_type.value_key);
  if v_problem is null and p_created_at is not null then
    v_problem := dbkit._metric_time_problem(p_created_at);
  end if;
  if v_problem is not null then
    perform dbkit.raise_error('KD701', format('%s: %s', p_event_type, v_problem),
      jsonb_build_object('event_type', p_event_type, 'problem', v_problem));
  end if;
  if not pg_has_role(dbkit.caller_role(), 'service_role', 'usage') then
    perform dbkit._require_metric_quota(v_type, p_event_data);
  end if;
  return dbkit._record_metric(p_event_type, p_event_data, p_session_id, p_created_at);
end
$$;
comment on function dbkit._record_checked_metric(text, jsonb, text, timestamptz) is
  'What record_metric does where the caller is no service, gives a time, or makes a mistake.
Raises KD003, KD701, KD702, KD704.';
