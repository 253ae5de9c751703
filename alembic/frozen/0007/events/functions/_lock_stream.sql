-- The lock of the head row makes writers of one stream take turns; writers of others never wait. Two
-- that begin the same stream meet at its key: the second waits, finds nothing inserted, and goes on as
-- any writer of a stream that exists.
create or replace function dbkit._lock_stream(
  p_organization_id text,
  p_aggregate_type text,
  p_aggregate_id text,
  p_expected_version bigint,
  p_events int,
  p_now timestamptz
)
returns dbkit.event_streams
language plpgsql
volatile
as $$
declare
  v_stream dbkit.event_streams;
begin
  loop
    update dbkit.event_streams s
    set version = s.version + p_events, last_event_at = greatest(p_now, s.last_event_at)
    where s.organization_id = p_organization_id and s.aggregate_type = p_aggregate_type
      and s.aggregate_id = p_aggregate_id
      and (p_expected_version is null or p_expected_version = -1 or s.version = p_expected_version)
    returning * into v_stream;
    -- NULL goes on: any version is welcome, also none.
    exit when found or p_expected_version <> 0;
    insert into dbkit.event_streams (organization_id, aggregate_type, aggregate_id, version, last_event_at,
      created_at, is_chained)
    values (p_organization_id, p_aggregate_type, p_aggregate_id, p_events, p_now, p_now,
      coalesce((select t.is_chained from dbkit.event_aggregate_types t
        where t.aggregate_type = p_aggregate_type), false))
    on conflict do nothing
    returning * into v_stream;
    exit when found or p_expected_version = 0;
  end loop;
  return v_stream;
end
$$;
comment on function dbkit._lock_stream(text, text, text, bigint, int, timestamptz) is
  'Locks the head of a stream and moves its version on by p_events, or begins the stream; the head as it is
then. All NULL when the stream is not at p_expected_version (NULL any, 0 new, -1 not new, N).';
