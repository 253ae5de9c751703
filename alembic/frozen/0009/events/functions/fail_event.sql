create or replace function dbkit.fail_event(
  p_group text,
  p_partition int,
  p_token bigint,
  p_position bigint,
  p_error text
)
returns jsonb
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
declare
  v_own dbkit.event_consumer_partitions;
begin
  perform dbkit.require_service('failing an event');
  v_own := dbkit._leased_partition(p_group, p_partition, p_token);
  perform dbkit._place_in_batch(v_own, p_position);
  return dbkit._fail_partition(dbkit._require_consumer_group(p_group), v_own, p_position, p_error);
end
$$;
comment on function dbkit.fail_event(text, int, bigint, bigint, text) is
  'Says that an event of a claimed batch could not be worked at, and gives the partition back. What comes
before it in the batch and is not acknowledged is claimed again, and then it, alone.
decision: retry (at retry_at: after 1 s, doubled by each failure up to 300 s, 20 % more or less; at once
when there were events before it), or, when it was the first of its batch and has failed as often as the
group allows, by the group''s policy: blocked (its stream waits for unblock_stream), dead_letter (it is one
now), halted (the partition waits for resume_consumer_group). An event of a requeued dead letter is a dead
letter again at once.
Returns {decision text, failures int, retry_at timestamptz?}.
Needs service_role. Raises KD003, KD004 (no open event of the batch), KD530, KD532.';
grant execute on function dbkit.fail_event(text, int, bigint, bigint, text) to service_role, super_admin;
