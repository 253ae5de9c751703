create or replace function dbkit._add_dead_letter(
  p_organization_id text,
  p_source text,
  p_source_name text,
  p_position bigint,
  p_delivery_id bigint,
  p_reason text,
  p_detail jsonb default '{}'
)
returns bigint
language plpgsql
volatile
as $$
declare
  v_dead_letter_id bigint;
begin
  insert into dbkit.event_dead_letters as l (organization_id, source, source_name, delivery_id, position,
    event_id, aggregate_type, aggregate_id, event_type, reason, detail, created_at)
  select p_organization_id, p_source, p_source_name, p_delivery_id, p_position, e.event_id,
    e.aggregate_type, e.aggregate_id, e.event_type, left(p_reason, 1000),
    coalesce(p_detail, '{}'), dbkit.clock()
  from (select) as nothing
  left join dbkit.event_store e on e.position = p_position
  on conflict (organization_id, source, source_name, coalesce(delivery_id, -position)) where status = 'open'
  do update set reason = excluded.reason, detail = excluded.detail, created_at = excluded.created_at
  returning l.dead_letter_id into v_dead_letter_id;
  return v_dead_letter_id;
end
$$;
comment on function dbkit._add_dead_letter(text, text, text, bigint, bigint, text, jsonb) is
  'Puts an event among the dead letters of a source (webhook, group), or brings the open letter that it
has up to date; its id. p_position: of the event, NULL for a test; p_delivery_id: NULL for a group.';
