-- VOLATILE, because safe_position is.
create or replace function dbkit.get_reader_status()
returns table (reader text, "position" bigint, lag bigint, updated_at timestamptz)
language plpgsql
volatile
as $$
declare
  v_safe bigint := dbkit.safe_position();
begin
  return query
  select c.reader, c.position, greatest(v_safe - c.position, 0), c.updated_at
  from dbkit.event_reader_checkpoints c
  order by c.reader;
end
$$;
comment on function dbkit.get_reader_status() is
  'How far each program that keeps a checkpoint with save_reader_checkpoint has come. position: it is done
with every event up to there; lag: how many positions it is behind what can be read safely (positions have gaps,
and one that reads a few event types only moves when it saves); updated_at: when it last saved.
Needs service_role. Raises KD507.';
grant execute on function dbkit.get_reader_status() to service_role, super_admin;
