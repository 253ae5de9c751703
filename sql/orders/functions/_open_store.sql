create or replace function dbkit._open_store(p_store_id bigint)
returns dbkit.stores
language plpgsql
stable
as $$
declare
  v_store dbkit.stores;
begin
  select * into v_store from dbkit.stores s where s.id = p_store_id and s.is_active;
  if not found then
    perform dbkit.raise_error('KD402', format('there is no store %s', coalesce(p_store_id::text, 'null')),
      jsonb_build_object('field', 'store_id', 'store_id', p_store_id),
      'The table stores lists those that can be ordered from.');
  elsif not v_store.is_open then
    perform dbkit.raise_error('KD403', format('"%s" takes no orders at the moment', v_store.name),
      jsonb_build_object('field', 'store_id', 'store_id', p_store_id), 'Try again when it is open.');
  end if;
  return v_store;
end
$$;
comment on function dbkit._open_store(bigint) is
  'A store that takes orders now. Raises KD402 when there is none, KD403 when it is closed.';
