-- Compare and set: of two programs that run by mistake as the same reader only one gets on, and what
-- the other made of the events is rolled back with its transaction. The row lock makes them take turns.
create or replace function dbkit.save_reader_checkpoint(
  p_reader text,
  p_position bigint,
  p_expected_position bigint
)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
declare
  v_now timestamptz := dbkit.clock();
  v_newest bigint := dbkit._newest_position();
  v_problem text := case
    when length(p_reader) between 1 and 100 is not true then 'p_reader must have 1 to 100 characters'
    when p_position between 0 and v_newest is not true
      then format('p_position must be 0 to %s, the newest there is', v_newest)
    when p_expected_position >= 0 is not true then 'p_expected_position must be 0 or more'
  end;
  v_actual bigint;
begin
  perform dbkit.require_service('keeping a reader''s checkpoint');
  if v_problem is not null then
    perform dbkit.raise_error('KD004', v_problem,
      jsonb_build_object('argument', split_part(v_problem, ' ', 1)));
  end if;
  if p_expected_position = 0 then
    insert into dbkit.event_reader_checkpoints (reader, position, updated_at)
    values (p_reader, 0, v_now)
    on conflict do nothing;
  end if;
  update dbkit.event_reader_checkpoints c
  set position = p_position, updated_at = v_now
  where c.reader = p_reader and c.position = p_expected_position;
  if not found then
    v_actual := dbkit.get_reader_checkpoint(p_reader);
    perform dbkit.raise_error('KD511',
      format('the reader %s is at position %s, and %s was expected', p_reader, v_actual, p_expected_position),
      jsonb_build_object('reader', p_reader, 'expected_position', p_expected_position,
        'actual_position', v_actual),
      'Another program reads under this name, or one was started again: go on from the actual position.');
  end if;
end
$$;
comment on function dbkit.save_reader_checkpoint(text, bigint, bigint) is
  'Keeps how far a reader of read_all has come, in the transaction of what it made of the events.
p_expected_position: what get_reader_checkpoint said before, 0 for none. A lower p_position reads again.
Needs service_role. Raises KD003, KD004, KD511 when the reader is not at p_expected_position (with the
actual one).';
grant execute on function dbkit.save_reader_checkpoint(text, bigint, bigint) to service_role, super_admin;
