create or replace function dbkit._place_in_batch(p_own dbkit.event_consumer_partitions, p_position bigint)
returns int
language plpgsql
volatile
as $$
declare
  v_at int := array_position(p_own.batch, p_position);
begin
  if v_at is null then
    perform dbkit.raise_error('KD004',
      format('position %s is not of an event of this batch that is still open', p_position),
      jsonb_build_object('argument', 'p_position', 'batch', p_own.batch),
      'Pass the position of an event that claim_events gave; an acknowledgement only goes forward.');
  end if;
  return v_at;
end
$$;
comment on function dbkit._place_in_batch(dbkit.event_consumer_partitions, bigint) is
  'The place of a position among those of a batch that are not acknowledged, from 1, or KD004.';
