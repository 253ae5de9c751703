-- A list, not a join: the view is read by index then, and the rule who sees what stands in one place.
create or replace function dbkit._visible_health_stores(p_store_id bigint)
returns bigint[]
language plpgsql
stable
as $$
declare
  v_stores bigint[];
begin
  if dbkit.caller_has_role('service_role') then
    if p_store_id is not null and not exists (select from dbkit.stores s where s.id = p_store_id) then
      perform dbkit.raise_error('KD402', format('there is no store %s', p_store_id),
        jsonb_build_object('store_id', p_store_id));
    end if;
    return case when p_store_id is not null then array[p_store_id] end;
  end if;
  v_stores := array(
    select distinct p.store_id
    from dbkit.user_profiles p
    where p.user_id = dbkit.context_value('user_id') and p.role in ('staff', 'manager', 'admin')
      and p.store_id is not null and (p_store_id is null or p.store_id = p_store_id)
    order by p.store_id);
  if v_stores = '{}' then
    perform dbkit.raise_error('KD003', 'the health of a store''s orders is for its staff',
      jsonb_build_object('store_id', p_store_id), 'Call as a user with a staff row in user_profiles.');
  end if;
  return v_stores;
end
$$;
comment on function dbkit._visible_health_stores(bigint) is
  'The store asked for, or without one those that the caller works in; NULL: all there are (the service).
Raises KD003, KD402.';
