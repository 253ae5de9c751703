create or replace function dbkit._check_group_position(p_argument text, p_position bigint)
returns void
language plpgsql
volatile
as $$
declare
  v_newest bigint := dbkit._newest_position();
begin
  if p_position between 0 and v_newest is not true then
    perform dbkit.raise_error('KD531',
      format('%s must be 0 to %s, the newest there is', p_argument, v_newest),
      jsonb_build_object('argument', p_argument),
      'Take 0 for all events, or a position that an event or safe_position() gave.');
  end if;
end
$$;
comment on function dbkit._check_group_position(text, bigint) is
  'Raises KD531 for a position that has not been given out: the group would miss what comes below it.';
