create or replace function dbkit.verify_events(p_after_position bigint default 0, p_limit int default 100000)
returns table (
  problem text,
  organization_id text,
  aggregate_type text,
  aggregate_id text,
  version bigint,
  "position" bigint,
  detail jsonb
)
language plpgsql
stable
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
begin
  perform dbkit.require_service('verifying events');
  if (p_after_position >= 0 and p_limit between 1 and 1000000) is not true then
    perform dbkit.raise_error('KD004', 'a page begins after a position of 0 or more and has 1 to 1000000 positions',
      '{"argument": "p_limit"}', 'Go on with p_after_position + p_limit, up to safe_position().');
  end if;
  if p_after_position = 0 then
    return query
    select g.problem, null, null, null, null::bigint, null::bigint,
      jsonb_build_object('table', g.relation::text, 'guard', g.guard)
    from dbkit._event_guards() as g
    where g.problem is not null;
    return query
    select 'unexpected_grant', null, null, null, null::bigint, null::bigint,
      jsonb_build_object('table', g.relation::text, 'grantee', g.grantee, 'privilege', g.privilege)
    from dbkit._event_grants() as g;
    return query
    select 'sequence_behind', null, null, null, null::bigint, dbkit._newest_position(),
      jsonb_build_object('sequence', q.last_value)
    from dbkit.event_position_seq q
    where q.last_value < dbkit._newest_position();
    return query
    select * from dbkit._stream_problems(null, null, null);
  end if;
  return query
  select * from dbkit._event_problems(p_after_position,
    p_after_position + least(p_limit, 9223372036854775807 - p_after_position));
end
$$;
comment on function dbkit.verify_events(bigint, int) is
  'Looks for what nobody could have done by dbkit''s calls, in all organizations; no row when all is well. It
checks the events at the p_limit positions (1 to 1000000) after p_after_position: call it with 0, then p_after_position +
p_limit, until safe_position(). The page after 0 checks heads, snapshots, triggers and rights too.
Problems of events: event_without_stream, version_gap, version_twice, head_differs (from the newest event),
position_not_rising, position_twice (a page of read_all that ends between the two misses one), time_not_rising,
hash_unexpected, hash_differs (the chain is broken there), sealed_field_unreadable. Of streams:
stream_without_events, snapshot_differs (from the fold of its events; only snapshots that would be used). Of guards, with the table in detail: guard_missing, guard_disabled (a trigger that is
not always on), row_security_off, unexpected_grant; sequence_behind (a restore left event_position_seq below the
newest event, so readers would miss what is appended: setval it). A changed event that keeps its place shows only where its stream is
chained; a whole chain written anew only by verify_stream with a digest kept elsewhere. verify_projection
checks read models. Needs service_role. Raises KD003, KD004, and what an applier raises.
Nullable: organization_id, aggregate_type, aggregate_id, version, position.';
grant execute on function dbkit.verify_events(bigint, int) to service_role, super_admin;
