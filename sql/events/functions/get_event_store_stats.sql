create or replace function dbkit.get_event_store_stats(p_organization_id text default null)
returns jsonb
language plpgsql
stable
as $$
declare
  v_is_service boolean := dbkit.caller_has_role('service_role');
  v_organization_id text := coalesce(p_organization_id,
    case when not v_is_service then dbkit.current_organization() end);
begin
  if not v_is_service and v_organization_id <> dbkit.current_organization() then
    perform dbkit.raise_error('KD003', 'figures of another organization need the role service_role',
      jsonb_build_object('required_role', 'service_role', 'caller_role', dbkit.caller_role()),
      'Leave the organization out for your own.');
  end if;
  return (
    with t as (
      select e.event_type, count(*) as events, min(e.created_at) as first_at, max(e.created_at) as last_at,
        max(e.position) as newest
      from dbkit.event_store e
      where v_organization_id is null or e.organization_id = v_organization_id
      group by e.event_type
    )
    select jsonb_build_object('organization_id', v_organization_id, 'events', coalesce(sum(t.events), 0),
      'event_types', coalesce((
        select jsonb_agg(jsonb_build_object('event_type', x.event_type, 'events', x.events)
          order by x.events desc, x.event_type)
        from (select * from t order by t.events desc, t.event_type limit 20) as x), '[]'),
      'first_event_at', min(t.first_at), 'last_event_at', max(t.last_at), 'newest_position', max(t.newest))
    from t
  ) || (
    select jsonb_build_object('streams', count(*), 'archived_streams', count(s.archived_at))
    from dbkit.event_streams s
    where v_organization_id is null or s.organization_id = v_organization_id
  ) || jsonb_build_object('snapshots', (
      select count(*) from dbkit.event_snapshots n
      where v_organization_id is null or n.organization_id = v_organization_id),
    'table_bytes', case when v_is_service then dbkit._event_table_bytes() end);
end
$$;
comment on function dbkit.get_event_store_stats(text) is
  'How much is stored, of one organization; NULL: of all for service_role, else of the caller''s own. It
counts, so it takes a scan. event_types: the 20 with most events. newest_position counts over all
organizations. table_bytes: size of all tables of the event store with their indexes, for all
organizations; NULL unless the caller is service_role.
Returns {organization_id text?, events bigint, streams bigint, archived_streams bigint, snapshots bigint, event_types {event_type text, events bigint}[], first_event_at timestamptz?, last_event_at timestamptz?, newest_position bigint?, table_bytes bigint?}.
Raises KD003.';
grant execute on function dbkit.get_event_store_stats(text) to authenticated, service_role, super_admin;
