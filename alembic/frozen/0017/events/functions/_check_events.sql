create or replace function dbkit._check_events(
  p_aggregate_type text,
  p_aggregate_id text,
  p_events jsonb,
  p_expected_version bigint
)
returns void
language plpgsql
stable
as $$
declare
  v_event jsonb;
  v_nth bigint;
  v_is_sound boolean;
  v_unknown text;
begin
  if jsonb_typeof(p_events) is distinct from 'array' or jsonb_array_length(p_events) not between 1 and 10000 then
    perform dbkit.raise_error('KD504', 'events must be an array of 1 to 10000 events', '{"field": "events"}',
      'An event is {"event_type": "OrderPlaced", "event_data": {…}, "metadata": {…}}.');
  end if;
  select e.event, e.nth
  into v_event, v_nth
  from jsonb_array_elements(p_events) with ordinality as e (event, nth)
  where (jsonb_typeof(e.event) = 'object'
    and e.event - array['event_type', 'event_data', 'metadata', 'event_id', 'schema_version'] = '{}'
    and jsonb_typeof(e.event -> 'event_type') = 'string'
    and length(e.event ->> 'event_type') between 1 and 100
    and jsonb_typeof(e.event -> 'event_data') = 'object'
    and pg_column_size(e.event -> 'event_data') <= 1048576
    and coalesce(jsonb_typeof(e.event -> 'metadata'), 'null') in ('object', 'null')
    and coalesce(pg_column_size(e.event -> 'metadata'), 0) <= 65536
    and coalesce(e.event ->> 'event_id' like '________-____-____-____-____________', true)
    and case when e.event ? 'schema_version'
      then coalesce(jsonb_typeof(e.event -> 'schema_version'), 'null') in ('number', 'null')
        and coalesce(e.event ->> 'schema_version', '1') ~ '^([1-9][0-9]{0,3}|10000)$'
      else true end) is not true
  order by e.nth
  limit 1;
  v_is_sound := not found;
  -- The type knows hexadecimal digits ten times as fast as a pattern does. Nothing is written here, so the
  -- block costs no transaction id.
  if v_is_sound then
    begin
      perform count(r.event_id) from jsonb_to_recordset(p_events) as r (event_id uuid);
    exception
      when invalid_text_representation then
        v_is_sound := false;
    end;
  end if;
  if not v_is_sound then
    select e.event, e.nth
    into v_event, v_nth
    from jsonb_array_elements(p_events) with ordinality as e (event, nth)
    where e.nth = v_nth or e.nth < coalesce(v_nth, 10001)
      and e.event ->> 'event_id' !~ '^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$'
    order by e.nth
    limit 1;
    select string_agg(k, ', ')
    into v_unknown
    from jsonb_object_keys(case jsonb_typeof(v_event) when 'object' then v_event else '{}' end) k
    where k not in ('event_type', 'event_data', 'metadata', 'event_id', 'schema_version');
    perform dbkit.raise_error('KD504', format('event %s cannot be appended: %s', v_nth, case
        when jsonb_typeof(v_event) <> 'object' then 'it is not a JSON object'
        when v_unknown is not null then 'unknown: ' || v_unknown
        else 'a field is missing, of the wrong type or too large' end),
      jsonb_build_object('field', format('events/%s', v_nth - 1)),
      'event_type 1 to 100 characters, event_data an object up to 1 MB; may have metadata (object up to '
      '64 kB), event_id (UUID), schema_version (1 to 10000).');
  elsif (length(p_aggregate_type) between 1 and 100 and length(p_aggregate_id) between 1 and 200
    and coalesce(p_expected_version, 0) >= -1) is not true
  then
    perform dbkit.raise_error('KD504', 'the stream or the expected version is malformed',
      jsonb_build_object('field', case when length(p_aggregate_type) between 1 and 100 is not true
        then 'aggregate_type' when length(p_aggregate_id) between 1 and 200 is not true
        then 'aggregate_id' else 'expected_version' end),
      'aggregate_type has 1 to 100 characters, aggregate_id 1 to 200; expected_version is NULL (any), 0 (new '
      'stream), -1 (stream exists) or a version.');
  end if;
end
$$;
comment on function dbkit._check_events(text, text, jsonb, bigint) is
  'Raises KD504 with the first event of a batch that is malformed.';
