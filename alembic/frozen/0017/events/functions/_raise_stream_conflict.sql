-- RAISE itself, not raise_error: writers of one stream meet this often, and a level of PL/pgSQL less is a
-- tenth of what it costs.
create or replace function dbkit._raise_stream_conflict(
  p_aggregate_type text,
  p_aggregate_id text,
  p_expected_version bigint,
  p_actual_version bigint
)
returns void
language plpgsql
volatile
as $$
begin
  raise exception using
    errcode = 'KD501',
    message = format('the stream %s/%s is at version %s, and %s was expected',
      p_aggregate_type, p_aggregate_id, p_actual_version,
      case p_expected_version when 0 then 'a new stream' else p_expected_version::text end),
    detail = jsonb_build_object('aggregate_type', p_aggregate_type, 'aggregate_id', p_aggregate_id,
      'expected_version', p_expected_version, 'actual_version', p_actual_version)::text,
    hint = 'Read the stream again, decide again, and append with the version that you saw.';
end
$$;
comment on function dbkit._raise_stream_conflict(text, text, bigint, bigint) is
  'Raises KD501 with the version that was expected and the one that the stream has.';
