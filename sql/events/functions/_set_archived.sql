create or replace function dbkit._set_archived(p_aggregate_type text, p_aggregate_id text, p_archived boolean)
returns jsonb
language plpgsql
volatile
as $$
declare
  v_organization_id text := dbkit.current_organization();
  v_stream dbkit.event_streams;
  v_changed boolean;
begin
  select * into v_stream
  from dbkit.event_streams s
  where s.organization_id = v_organization_id and s.aggregate_type = p_aggregate_type
    and s.aggregate_id = p_aggregate_id
  for no key update;
  if not found then
    perform dbkit.raise_error('KD502', format('there is no stream %s/%s', p_aggregate_type, p_aggregate_id),
      jsonb_build_object('aggregate_type', p_aggregate_type, 'aggregate_id', p_aggregate_id),
      'get_streams lists them.');
  end if;
  v_changed := p_archived <> (v_stream.archived_at is not null);
  if v_changed then
    update dbkit.event_streams s
    set archived_at = case when p_archived then dbkit.clock() end
    where s.organization_id = v_organization_id and s.aggregate_type = p_aggregate_type
      and s.aggregate_id = p_aggregate_id
    returning * into v_stream;
  end if;
  if v_changed and p_archived then
    delete from dbkit.event_snapshots n
    where n.organization_id = v_organization_id and n.aggregate_type = p_aggregate_type
      and n.aggregate_id = p_aggregate_id;
    delete from dbkit.event_snapshot_requests r
    where r.organization_id = v_organization_id and r.aggregate_type = p_aggregate_type
      and r.aggregate_id = p_aggregate_id;
  end if;
  return jsonb_build_object('version', v_stream.version, 'archived_at', v_stream.archived_at,
    'changed', v_changed);
end
$$;
comment on function dbkit._set_archived(text, text, boolean) is
  'What archive_stream and restore_stream do. Raises KD502.';
