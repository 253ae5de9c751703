-- Decrypting and upcasting can fail, and then that is a failure of the event, not of the claim: a batch
-- that fails is halved until it reads, or until the event is alone. Errors that say nothing about the event
-- (deadlock, timeout, disk full) are the claim's.
create or replace function dbkit._read_batch(
  p_group dbkit.event_consumer_groups,
  p_own dbkit.event_consumer_partitions
)
returns dbkit.event_store[]
language plpgsql
volatile
as $$
declare
  v_count int := cardinality(p_own.batch);
  v_error text;
begin
  loop
    begin
      return array(
        select row(e.*)::dbkit.event_store
        from dbkit.events e
        where e.position = any (p_own.batch[1:v_count])
        order by e.position);
    exception
      when others then
        if sqlstate ~ '^(40|53|55|57|58)' then
          raise;
        end if;
        v_error := format('%s: %s', sqlstate, left(sqlerrm, 500));
    end;
    exit when v_count = 1;
    v_count := v_count / 2;
  end loop;
  perform dbkit._fail_partition(p_group, p_own, p_own.batch[1], v_error);
  return '{}'::dbkit.event_store[];
end
$$;
comment on function dbkit._read_batch(dbkit.event_consumer_groups, dbkit.event_consumer_partitions) is
  'The events of a batch, from its beginning as many as can be read; none when the first one cannot, and
then that has been counted as a failure.';
