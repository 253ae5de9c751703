-- Anybody can write a setting, so a number that is not below the next position is not believed, and the
-- lock on one that is believed is taken once more, which costs little if it was.
create or replace function dbkit._retake_mark()
returns boolean
language plpgsql
volatile
as $$
declare
  v_said constant text := current_setting('dbkit.event_mark');
  v_newest constant bigint := 4918493743042002945
    + coalesce(pg_sequence_last_value('dbkit.event_position_seq'), 0);
begin
  if v_said ~ '^49[0-9]{17}$' and v_said::bigint between 4918493743042002944 and v_newest then
    perform pg_advisory_xact_lock_shared(v_said::bigint);
  else
    perform pg_advisory_xact_lock_shared(set_config('dbkit.event_mark', v_newest::text, true)::bigint);
  end if;
  return true;
end
$$;
comment on function dbkit._retake_mark() is
  'Sees to the mark where the setting dbkit.event_mark says that there is one. Always true.';
