create or replace function dbkit.register_list(
  p_name text,
  p_source text,
  p_columns text[],
  p_key text[],
  p_sorts text[] default '{}',
  p_default_sort text default null,
  p_filters jsonb default '{}',
  p_search text[] default '{}',
  p_max_limit int default 100,
  p_default_limit int default 20,
  p_required_role text default null,
  p_not_null text[] default '{}',
  p_description text default ''
)
returns jsonb
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
begin
  perform dbkit.require_super_admin('registering a list');
  return dbkit._register_list(p_name, p_source, p_columns, p_key, p_sorts, p_default_sort, p_filters, p_search,
    p_max_limit, p_default_limit, p_required_role, p_not_null, p_description);
end
$$;
comment on function dbkit.register_list(
  text, text, text[], text[], text[], text, jsonb, text[], int, int, text, text[], text) is
  'Registers a table or view for page_list, or changes that; callers still need SELECT on the columns,
and see what its policies show them.
p_source: schema.table. p_columns: what an item shows. p_key: unique and never NULL, ends every order.
p_sorts: columns to sort by, besides those of the key; p_default_sort: such as -created_at,name, else
the key. All of them must be shown, since a cursor carries their values. p_filters: by column an array
of operators (eq, ne, gt, gte, lt, lte, in, like, null), or true for all that fit its type. p_search:
columns of text that search looks into.
p_required_role: role whose rights the caller needs; NULL: any. p_not_null: columns of a view that are
never NULL.
warnings say which sorts have no index, and what else is slow or unsafe.
Returns {name text, source text, sorts text[], warnings text[]}.
Needs super_admin. Raises KD003, KD004 (not READ COMMITTED), KD143.
Nullable: p_default_sort, p_required_role.';
grant execute on function dbkit.register_list(
  text, text, text[], text[], text[], text, jsonb, text[], int, int, text, text[], text) to super_admin;
