create or replace function dbkit._list_edge(p_order jsonb, p_row json)
returns jsonb
language plpgsql
immutable
as $$
declare
  v_edge text[];
begin
  if p_row is null then
    return '[]'::jsonb;
  end if;
  for n in 0..jsonb_array_length(p_order) - 1 loop
    v_edge[n + 1] := p_row ->> (p_order -> n ->> 0);
  end loop;
  return to_jsonb(v_edge);
end
$$;
comment on function dbkit._list_edge(jsonb, json) is
  'The values of a row that an order needs, as an array of texts; [] without a row.';
grant execute on function dbkit._list_edge(jsonb, json) to anon, authenticated, service_role, super_admin;
