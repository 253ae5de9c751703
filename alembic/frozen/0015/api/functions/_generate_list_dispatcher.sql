create or replace function dbkit._generate_list_dispatcher()
returns void
language plpgsql
volatile
as $$
begin
  execute format(
    $text$
create or replace function dbkit._list_rows(int, text[], bigint, bigint, int)
returns json[]
language plpgsql
stable
as %L
    $text$, format(E'begin\n%s  return null;\nend\n', (
      select string_agg(format(E'  if $1 = %s then\n    return dbkit.%I($2, $3, $4, $5);\n  end if;\n',
        l.list_id, '_rows_of_' || l.name), '' order by l.list_id)
      from dbkit.api_lists l)));
  comment on function dbkit._list_rows(int, text[], bigint, bigint, int) is
    'Generated from api_lists: a page of the list of that number, see _rows_of_<name>.';
  revoke all on function dbkit._list_rows(int, text[], bigint, bigint, int) from public;
  grant execute on function dbkit._list_rows(int, text[], bigint, bigint, int)
  to anon, authenticated, service_role, super_admin;
end
$$;
comment on function dbkit._generate_list_dispatcher() is
  'Writes the function dbkit._list_rows from the registered lists. The caller holds the registry lock.';
