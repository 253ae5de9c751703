-- It locks the stream's row alone, and so waits for no claim. What was held back is claimed by the
-- partition's next ones (_held_back_batch), which end the row.
create or replace function dbkit.unblock_stream(
  p_group text,
  p_aggregate_type text,
  p_aggregate_id text,
  p_organization_id text default 'default',
  p_skip boolean default false
)
returns boolean
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
declare
  v_stream dbkit.event_consumer_blocked_streams;
begin
  perform dbkit.require_service('unblocking a stream');
  perform dbkit._require_consumer_group(p_group);
  update dbkit.event_consumer_blocked_streams b
  set is_released = true, version = b.version + coalesce(p_skip, false)::int
  where b.group_name = p_group and b.organization_id = p_organization_id
    and b.aggregate_type = p_aggregate_type and b.aggregate_id = p_aggregate_id and not b.is_released
  returning b.* into v_stream;
  if not found then
    return false;
  end if;
  if p_skip then
    perform dbkit._add_dead_letter(v_stream.organization_id, 'group', p_group, v_stream.position, null,
      v_stream.last_error,
      jsonb_build_object('partition', v_stream.partition, 'failures', v_stream.failures));
  end if;
  return true;
end
$$;
comment on function dbkit.unblock_stream(text, text, text, text, boolean) is
  'Lets a stream that a consumer group holds back go on: with the event that failed, or with p_skip after
it, and then that is a dead letter. All that was held back comes, in order. Whether it was blocked.
Needs service_role. Raises KD003, KD530.';
grant execute on function dbkit.unblock_stream(text, text, text, text, boolean) to service_role, super_admin;
