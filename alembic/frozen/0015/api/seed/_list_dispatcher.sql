-- Also when a later revision brings this again because a writer changed: then for the lists that there are.
select dbkit._generate_list(l) from dbkit.api_lists l;
select dbkit._generate_list_dispatcher();
-- down
do $$
declare
  v_name text;
begin
  for v_name in select l.name from dbkit.api_lists l loop
    execute format('drop function if exists dbkit.%I(text[], int, bigint, jsonb, text)', '_page_of_' || v_name);
  end loop;
end $$;
drop function dbkit._list_page(text, jsonb, text);
