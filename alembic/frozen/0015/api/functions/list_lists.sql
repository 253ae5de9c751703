create or replace function dbkit.list_lists()
returns table (
  name text,
  source text,
  columns text[],
  key text[],
  sorts text[],
  default_sort text,
  filters jsonb,
  search text[],
  max_limit int,
  default_limit int,
  required_role text,
  description text,
  registered_at timestamptz,
  registered_by text
)
language plpgsql
stable
as $$
begin
  return query
  select l.name, l.source, l.shown, l.key_columns, l.sorts, l.default_sort, l.filters, l.search, l.max_limit,
    l.default_limit, l.required_role, l.description, l.registered_at, l.registered_by
  from dbkit.api_lists l
  order by l.name;
end
$$;
comment on function dbkit.list_lists() is
  'The lists that page_list knows, and what each may be sorted, filtered and searched by. filters: by
column the operators. required_role is NULL where any role may ask.
Nullable: required_role.';
grant execute on function dbkit.list_lists() to anon, authenticated, service_role, super_admin;
