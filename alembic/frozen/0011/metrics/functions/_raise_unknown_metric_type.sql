create or replace function dbkit._raise_unknown_metric_type(p_event_type text)
returns void
language plpgsql
volatile
as $$
begin
  perform dbkit.raise_error('KD702', format('there is no type of metrics %s', left(p_event_type, 100)),
    jsonb_build_object('event_type', left(p_event_type, 100)),
    'Register it with dbkit.register_metric_event_type.');
end
$$;
comment on function dbkit._raise_unknown_metric_type(text) is 'Raises KD702.';
