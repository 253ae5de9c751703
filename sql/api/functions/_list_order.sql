-- The key ends every order, in the direction of the last column, so that a usual order goes one way and is
-- one comparison of rows.
create or replace function dbkit._list_order(p_column_types jsonb, p_key_columns text[], p_sort text)
returns jsonb
language plpgsql
immutable
as $$
declare
  v_wanted text[] := string_to_array(p_sort, ',');
  v_down text := case when v_wanted[cardinality(v_wanted)] like '-%' then '-' else '' end;
begin
  return (
    select jsonb_agg(
      jsonb_build_array(ltrim(c.term, '-'), c.term like '-%',
        not (p_column_types -> ltrim(c.term, '-') -> 'not_null')::boolean,
        p_column_types -> ltrim(c.term, '-') ->> 'type')
      order by c.n)
    from (
      select w.term, w.n
      from unnest(v_wanted) with ordinality as w (term, n)
      union all
      select v_down || k.name, 100 + k.n
      from unnest(p_key_columns) with ordinality as k (name, n)
      where k.name <> all (v_wanted) and '-' || k.name <> all (v_wanted)
    ) as c
  );
end
$$;
comment on function dbkit._list_order(jsonb, text[], text) is
  'The whole order of a sort such as -created_at,name: an array of [column, descending, nullable, type].';
grant execute on function dbkit._list_order(jsonb, text[], text)
to anon, authenticated, service_role, super_admin;
