create or replace function dbkit.delete_snapshots(
  p_aggregate_type text,
  p_aggregate_id text,
  p_keep int default 0
)
returns int
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
declare
  v_organization_id text := dbkit.current_organization();
  v_deleted int;
begin
  perform dbkit.require_service('deleting snapshots');
  if coalesce(p_keep, -1) < 0 then
    perform dbkit.raise_error('KD004', format('0 snapshots or more can be kept, and not %s', p_keep),
      '{"argument": "p_keep"}', '0 deletes them all.');
  end if;
  delete from dbkit.event_snapshots d
  where d.organization_id = v_organization_id and d.aggregate_type = p_aggregate_type
    and d.aggregate_id = p_aggregate_id and d.version not in (
      select s.version from dbkit.event_snapshots s
      where s.organization_id = v_organization_id and s.aggregate_type = p_aggregate_type
        and s.aggregate_id = p_aggregate_id
      order by s.version desc
      limit p_keep);
  get diagnostics v_deleted = row_count;
  return v_deleted;
end
$$;
comment on function dbkit.delete_snapshots(text, text, int) is
  'Deletes the snapshots of a stream of the caller''s organization but for the newest p_keep, and returns
how many went. Nothing is lost: states are folded from the events. Needs service_role. Raises KD003,
KD004.';
grant execute on function dbkit.delete_snapshots(text, text, int) to service_role, super_admin;
