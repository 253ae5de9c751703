create or replace function dbkit._generate_list_dispatcher()
returns void
language plpgsql
volatile
as $$
begin
  execute format(
    $text$
create or replace function dbkit._list_page(text, jsonb, text)
returns json
language plpgsql
stable
as %L
    $text$, format(E'begin\n%s  return null;\nend\n', (
      select string_agg(format(E'  if $1 = %L then\n    return dbkit.%I(''{}'', null, 0, $2, $3);\n  end if;\n',
        l.name, '_page_of_' || l.name), '' order by l.name)
      from dbkit.api_lists l)));
  comment on function dbkit._list_page(text, jsonb, text) is
    'Generated from api_lists: the page of a list for a request and API version, see _page_of_<name>; NULL for
a list that it does not know.';
  revoke all on function dbkit._list_page(text, jsonb, text) from public;
  grant execute on function dbkit._list_page(text, jsonb, text)
  to anon, authenticated, service_role, super_admin;
end
$$;
comment on function dbkit._generate_list_dispatcher() is
  'Writes the function dbkit._list_page from the registered lists. The caller holds the registry lock.';
