select dbkit._generate_list_dispatcher();
-- down
do $$
declare
  v_function text;
begin
  for v_function in select format('dbkit.%I(text[], bigint, bigint, int)', '_rows_of_' || name) from dbkit.api_lists loop
    execute 'drop function if exists ' || v_function;
  end loop;
end $$;
drop function dbkit._list_rows(int, text[], bigint, bigint, int);
