create or replace function dbkit.log_realtime_fanout(
  p_event_type text,
  p_source_region text,
  p_target_regions text[],
  p_payload jsonb default '{}',
  p_priority text default 'normal',
  p_delivery_status jsonb default '{}'
)
returns bigint
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
declare
  v_payload jsonb := coalesce(p_payload, '{}');
  v_delivery_status jsonb := coalesce(p_delivery_status, '{}');
  v_problem text := case
    when p_event_type is null or p_event_type !~ '^[a-z_]{1,100}$'
      then 'p_event_type must be 1 to 100 lower-case letters or underscores'
    when p_target_regions is null or cardinality(p_target_regions) > 100
      or array_ndims(p_target_regions) > 1
      then 'p_target_regions must be a list of at most 100 regions'
    when p_source_region = any (p_target_regions)
      then 'p_target_regions must not name the source'
    when jsonb_typeof(v_payload) <> 'object' or octet_length(v_payload::text) > 262144
      then 'p_payload must be a JSON object of at most 262144 bytes'
    when p_priority is null or p_priority not in ('low', 'normal', 'high')
      then 'p_priority must be low, normal or high'
    when jsonb_typeof(v_delivery_status) <> 'object'
      or octet_length(v_delivery_status::text) > 262144
      then 'p_delivery_status must be a JSON object of at most 262144 bytes'
  end;
  v_region text;
  v_id bigint;
begin
  perform dbkit.require_service('logging a fan-out');
  if v_problem is not null then
    perform dbkit.raise_error('KD004', v_problem,
      jsonb_build_object('argument', split_part(v_problem, ' ', 1)));
  end if;
  perform dbkit.require_region(p_source_region);
  foreach v_region in array p_target_regions loop
    perform dbkit.require_region(v_region);
  end loop;
  insert into dbkit.realtime_fanout_log
    (event_type, source_region, target_regions, payload, priority, delivery_status, created_at)
  values
    (p_event_type, p_source_region, p_target_regions, v_payload, p_priority, v_delivery_status,
      dbkit.clock())
  returning id into v_id;
  return v_id;
end
$$;
comment on function dbkit.log_realtime_fanout(text, text, text[], jsonb, text, jsonb) is
  'Logs an event that was sent from one region to others, with the delivery by region; returns its id.
Event kinds sent today: order_status, order_created, menu_updated, store_status, custom; priority:
low, normal, high. Errors: KD003 without service_role, KD004 for a bad argument, KD301 for an unknown
region.';
grant execute on function dbkit.log_realtime_fanout(text, text, text[], jsonb, text, jsonb)
to service_role, super_admin;
