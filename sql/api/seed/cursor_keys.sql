do $$ begin
  if not exists (select from dbkit.api_cursor_keys) then
    perform dbkit._new_cursor_key();
  end if;
end $$;
-- down
delete from dbkit.api_cursor_keys;
