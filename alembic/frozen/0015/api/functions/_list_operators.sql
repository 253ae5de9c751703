create or replace function dbkit._list_operators(p_column jsonb)
returns text[]
language plpgsql
immutable
as $$
begin
  return case when p_column ->> 'class' is null then array['null']
    when (p_column -> 'like')::boolean is true
      then array['eq', 'ne', 'gt', 'gte', 'lt', 'lte', 'in', 'null', 'like']
    else array['eq', 'ne', 'gt', 'gte', 'lt', 'lte', 'in', 'null'] end;
end
$$;
comment on function dbkit._list_operators(jsonb) is 'The operators that fit a column of _list_columns.';
