-- VOLATILE on purpose: the events must be read with a snapshot taken after safe_position, and inside
-- a STABLE function every statement has the snapshot of the caller's.
create or replace function dbkit.read_all(
  p_after_position bigint default 0,
  p_limit int default 1000,
  p_event_types text[] default null,
  p_aggregate_types text[] default null,
  p_organization_id text default null,
  p_up_to bigint default null
)
returns setof dbkit.event_store
language plpgsql
volatile
as $$
declare
  v_up_to bigint;
begin
  perform dbkit._check_page(p_limit);
  v_up_to := dbkit.safe_position();
  -- What safe_position once gave stays safe, though it can give less later: an append that read the sequence
  -- before others drew from it has a mark below theirs, and then a position above.
  if p_up_to > v_up_to and p_up_to > dbkit._newest_position() then
    perform dbkit.raise_error('KD004', format('position %s has not been given out yet', p_up_to),
      jsonb_build_object('argument', 'p_up_to'), 'Pass a value that safe_position returned.');
  end if;
  v_up_to := coalesce(p_up_to, v_up_to);
  if p_event_types is null and p_aggregate_types is null and p_organization_id is null then
    return query
    select e.* from dbkit.events e
    where e.position > p_after_position and e.position <= v_up_to
    order by e.position limit p_limit;
  else
    return query
    select e.* from dbkit.events e
    where e.position > p_after_position and e.position <= v_up_to
      and (p_event_types is null or e.event_type = any (p_event_types))
      and (p_aggregate_types is null or e.aggregate_type = any (p_aggregate_types))
      and (p_organization_id is null or e.organization_id = p_organization_id)
    order by e.position limit p_limit;
  end if;
end
$$;
comment on function dbkit.read_all(bigint, int, text[], text[], text, bigint) is
  'The events of all streams and organizations after p_after_position, in order, at most p_limit (1 to 10000).
Every committed event comes exactly once to a reader that goes on from the last position it got, and each
stream in its order, whatever is appended meanwhile: it reads up to safe_position() only.
Filters, NULL for all: event types, aggregate types, one organization. With a filter that few events pass,
take p_up_to := safe_position() first (no other value is safe); when fewer than p_limit come back, go on
from there.
Needs service_role. Raises KD004, KD507 (not READ COMMITTED, or a replica).
Nullable: correlation_id, causation_id, actor_id, hash.';
grant execute on function dbkit.read_all(bigint, int, text[], text[], text, bigint)
to service_role, super_admin;
