create or replace function dbkit.get_aggregate_state(
  p_aggregate_type text,
  p_aggregate_id text,
  p_at_version bigint default null,
  p_at_time timestamptz default null
)
returns jsonb
language plpgsql
stable
as $$
begin
  return dbkit._aggregate_state(dbkit.current_organization(), p_aggregate_type, p_aggregate_id, p_at_version,
    p_at_time, true);
end
$$;
comment on function dbkit.get_aggregate_state(text, text, bigint, timestamptz) is
  'The state of a stream of the caller''s organization: now, as of version p_at_version (0: before the
first event), or as of p_at_time (with events of that very time; before the first event version 0 and state
{}). version, position and as_of are those of the newest event in it (position 0 and no as_of without one).
snapshot_version: the snapshot that it started from, NULL when every event was folded; a snapshot that
another applier or upcaster made is not used. To append on top, pass version as p_expected_version.
Returns {state jsonb, version bigint, position bigint, as_of timestamptz?, snapshot_version bigint?}.
Raises KD502 (no such stream), KD509 (no applier), KD004 (a version that the stream does not have; both
given), KD508 (the applier returned NULL), and what the applier raises.';
grant execute on function dbkit.get_aggregate_state(text, text, bigint, timestamptz)
to authenticated, service_role, super_admin;
