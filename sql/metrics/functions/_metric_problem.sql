create or replace function dbkit._metric_problem(p_event_data jsonb, p_session_id text, p_value_key text)
returns text
language plpgsql
stable
as $$
begin
  return case
    when jsonb_typeof(p_event_data) is distinct from 'object' then 'event_data must be an object'
    when pg_column_size(p_event_data) > 65536 then 'event_data must have at most 64 KiB'
    when length(p_session_id) > 200 then 'session_id must have at most 200 characters'
    when p_value_key is not null and p_event_data ? p_value_key
      and not dbkit._is_metric_value(p_event_data -> p_value_key)
      then format('%s must be a number from 0 to 1e12', p_value_key)
  end;
end
$$;
comment on function dbkit._metric_problem(jsonb, text, text) is
  'What is wrong with an event; NULL for nothing.';
