create or replace function dbkit._list_total(
  p_list dbkit.api_lists,
  p_request jsonb,
  out total bigint,
  out total_kind text
)
language plpgsql
stable
as $$
declare
  v_kind text := coalesce(p_request ->> 'count', 'none');
begin
  if v_kind not in ('none', 'estimated', 'exact') then
    perform dbkit._raise_list_request(p_list.name, 'count', 'count must be none, estimated or exact');
  elsif v_kind <> 'none' then
    select c.total, c.total_kind into total, total_kind
    from dbkit._count_list(p_list.name, p_request -> 'filter', p_request -> 'search', v_kind) as c;
  end if;
end
$$;
comment on function dbkit._list_total(dbkit.api_lists, jsonb) is
  'The total that a request asks for and its kind (exact or estimated); NULLs when it asks for none.
Raises KD140.';
grant execute on function dbkit._list_total(dbkit.api_lists, jsonb)
to anon, authenticated, service_role, super_admin;
