create or replace function dbkit._lock_api_key(p_key_id text)
returns dbkit.api_keys
language plpgsql
volatile
as $$
declare
  v_key dbkit.api_keys;
begin
  select * into v_key from dbkit.api_keys where key_id = p_key_id for update;
  if not found then
    perform dbkit.raise_error('KD122', 'there is no such API key',
      jsonb_build_object('key_id', left(p_key_id, 100)), 'select * from dbkit.list_api_keys() lists them.');
  end if;
  return v_key;
end
$$;
comment on function dbkit._lock_api_key(text) is 'The key, locked until the transaction ends. Raises KD122.';
