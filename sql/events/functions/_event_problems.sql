-- No index keeps positions apart (one would cost each append), so that is looked for here.
-- Each event is compared with its neighbours and with its head, so pages can be checked in any order.
-- The two reads are one statement: the one that is not asked for is never run.
create or replace function dbkit._event_problems(
  p_after_position bigint,
  p_up_to_position bigint,
  p_organization_id text default null,
  p_aggregate_type text default null,
  p_aggregate_id text default null
)
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
as $$
begin
  return query
  select f.problem, e.organization_id, e.aggregate_type, e.aggregate_id, e.version, e.position, f.detail
  from (
    select s.* from dbkit.event_store s
    where p_aggregate_id is null and s.position > p_after_position and s.position <= p_up_to_position
    union all
    select s.* from dbkit.event_store s
    where p_aggregate_id is not null and s.organization_id = p_organization_id
      and s.aggregate_type = p_aggregate_type and s.aggregate_id = p_aggregate_id
  ) as e
  left join dbkit.event_streams h on h.organization_id = e.organization_id
    and h.aggregate_type = e.aggregate_type and h.aggregate_id = e.aggregate_id
  left join lateral (
    select b.* from dbkit.event_store b
    where b.organization_id = e.organization_id and b.aggregate_type = e.aggregate_type
      and b.aggregate_id = e.aggregate_id and b.version < e.version
    order by b.version desc limit 1
  ) as b on true
  left join lateral (
    select n.version, n.position from dbkit.event_store n
    where n.organization_id = e.organization_id and n.aggregate_type = e.aggregate_type
      and n.aggregate_id = e.aggregate_id and n.version >= e.version and n.position <> e.position
    order by n.version limit 1
  ) as n on true
  cross join lateral (select count(*) as events from dbkit.event_store p where p.position = e.position) as p
  cross join lateral (values
    ('event_without_stream', h.version is null, '{}'::jsonb),
    ('version_gap', e.version <> coalesce(b.version, 0) + 1,
      jsonb_build_object('version_before', coalesce(b.version, 0))),
    ('version_twice', n.version = e.version, jsonb_build_object('other_position', n.position)),
    ('head_differs', n.version is null and (e.version <> h.version or e.created_at <> h.last_event_at
      or h.is_chained and e.hash is distinct from h.last_hash),
      jsonb_build_object('head_version', h.version, 'head_time', h.last_event_at,
        'event_time', e.created_at, 'same_hash', e.hash is not distinct from h.last_hash)),
    ('position_not_rising', e.position <= b.position, jsonb_build_object('position_before', b.position)),
    ('position_twice', p.events > 1, jsonb_build_object('events', p.events)),
    ('time_not_rising', e.created_at < b.created_at, jsonb_build_object('time', e.created_at,
      'time_before', b.created_at)),
    ('hash_unexpected', not h.is_chained and e.hash is not null, '{}'),
    ('hash_differs', h.is_chained and e.hash is distinct from
      dbkit._event_hash(b.hash, row(e.*)::dbkit.event_store), jsonb_build_object('hash', encode(e.hash, 'hex'))),
    ('sealed_field_unreadable', e.event_data::text like '%"$sealed"%'
      and dbkit._has_broken_seal(e.organization_id, e.event_type, e.event_data), '{}')
  ) as f (problem, holds, detail)
  where f.holds;
end
$$;
comment on function dbkit._event_problems(bigint, bigint, text, text, text) is
  'What is wrong with the events in a range of positions, or with those of one stream; see verify_events.';
