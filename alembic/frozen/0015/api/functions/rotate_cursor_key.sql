create or replace function dbkit.rotate_cursor_key()
returns int
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
declare
  v_key_id int;
begin
  perform dbkit.require_super_admin('rotating the key of cursors');
  perform dbkit._lock_registry();
  v_key_id := dbkit._new_cursor_key();
  delete from dbkit.api_cursor_keys k
  where k.key_id < (select max(o.key_id) from dbkit.api_cursor_keys o where o.key_id < v_key_id);
  return v_key_id;
end
$$;
comment on function dbkit.rotate_cursor_key() is
  'Signs cursors with a new key from the commit on; returns its number. Those of the key before stay
good until the next rotation, older ones are refused: rotate twice to end every cursor that is out.
Needs super_admin (KD003).';
grant execute on function dbkit.rotate_cursor_key() to super_admin;
