-- Locks one row of metric_ingest_slots that nobody else has; waits for none.
create or replace function dbkit._take_metric_quota(
  p_pool text,
  p_first int,
  p_slots int,
  p_bytes_per_minute bigint,
  p_wanted bigint
)
returns bigint
language plpgsql
volatile
as $$
declare
  v_minute timestamptz := date_bin('1 minute', dbkit.clock(), '2000-01-01Z');
  v_part bigint := p_bytes_per_minute / p_slots;
  v_slot dbkit.metric_ingest_slots;
  v_used bigint;
  v_granted bigint;
begin
  select * into v_slot
  from dbkit.metric_ingest_slots s
  where s.pool = p_pool
    and s.slot >= p_first
    and s.slot < p_first + p_slots
    and (s.minute <> v_minute or s.used < v_part)
  order by case when s.minute = v_minute then s.used else 0 end + p_wanted > v_part
  limit 1
  for update skip locked;
  if not found then
    return 0::bigint;
  end if;
  v_used := case when v_slot.minute = v_minute then v_slot.used else 0::bigint end;
  v_granted := greatest(least(p_wanted, v_part - v_used), 0::bigint);
  update dbkit.metric_ingest_slots s
  set minute = v_minute, used = v_used + v_granted
  where s.pool = p_pool and s.slot = v_slot.slot;
  return v_granted;
end
$$;
comment on function dbkit._take_metric_quota(text, int, int, bigint, bigint) is
  'Takes up to p_wanted bytes from one part of a quota that nobody else uses at the moment; returns how
many.';
