-- Row level security and grants are the caller's: nothing here is SECURITY DEFINER but what reads the key of
-- cursors. The work is in the function that was generated for the list (_generate_list): a page without
-- a filter runs a statement that stays planned; with a filter the same writer's text is planned for its
-- values, so that each filter finds its index. One setting keeps all digits of a float in a cursor. The other
-- keeps plans: Postgres takes a LIMIT that it does not know for a tenth of the table, and would plan anew.
-- It is json and not jsonb because rows are printed once and passed on: to parse and print them again takes
-- as long as to read them.
create or replace function dbkit.page_list(
  p_name text,
  p_request jsonb default '{}',
  p_version text default null
)
returns json
language plpgsql
stable
set extra_float_digits = 1
set plan_cache_mode = force_generic_plan
as $$
declare
  v_request jsonb := coalesce(p_request, '{}');
  v_version text := coalesce(p_version, nullif(current_setting('dbkit.api_version', true), ''),
    case when current_setting('request.headers', true) <> '' then dbkit.context_value('api_version') end);
  v_page json := dbkit._list_page(p_name, v_request, v_version);
begin
  if v_page is not null then
    return v_page;
  elsif not exists (select from dbkit.api_lists l where l.name = p_name) then
    perform dbkit.raise_error('KD142', format('there is no list "%s"', left(p_name, 63)),
      jsonb_build_object('list', left(p_name, 63)), 'dbkit.list_lists() names those that there are.');
  end if;
  -- A commit shows its rows a moment before it tells other sessions that a function has changed.
  execute format('select dbkit.%I(''{}'', null, 0, $1, $2)', '_page_of_' || p_name)
  into v_page
  using v_request, v_version;
  return v_page;
end
$$;
comment on function dbkit.page_list(text, jsonb, text) is
  'One page of a registered list, with the rights of the caller. p_request, all optional:
limit; where it begins: cursor (next_cursor or previous_cursor of another page, with the same sort,
filter and search), offset or page (from 1), or last: true, else at the start; sort: "-created_at,name"
or an array, - for descending, NULLs last both ways; filter: {status: {eq: "new"}, total: {gte: 5, lt: 9},
id: {in: [1, 2]}, name: {like: "a%"}, note: {null: true}}, all of which must hold; search: words, each
of which must occur in one of the columns that are searched; count: none, estimated (exact up to
10,000) or exact; fields: names of columns.
p_version: the API version that a cursor is good for, else the context''s, else the active one. Cursors
are signed and good for the same list, role, organization, user, version, sort, filter and search only.
has_previous of a page after a cursor, and has_next of one before it, only say that there was a row.
Returns {items json[], page {limit int, sort text, has_next boolean, has_previous boolean, next_cursor text?, previous_cursor text?, offset bigint?, total bigint?, total_kind text?}}.
Raises KD003, KD140 (detail: the field), KD141 cursor, KD142 unknown list.';
grant execute on function dbkit.page_list(text, jsonb, text)
to anon, authenticated, service_role, super_admin;
