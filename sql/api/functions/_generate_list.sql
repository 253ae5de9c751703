-- One function a list, so that a session compiles only what it uses, and a small dispatcher over them
-- all. The plans are kept (the setting): planning took longer than the page itself (docs/adr/0014).
-- Unnamed arguments: a column of the source cannot be taken for one.
create or replace function dbkit._generate_list(p_list dbkit.api_lists)
returns void
language plpgsql
volatile
as $$
declare
  v_body text;
begin
  select string_agg(
    format(E'  if $4 = %s then\n    return array(%s);\n  end if;\n', s.value,
      dbkit._list_statement(p_list.source, p_list.shown, o.value -> 'order', s.key, null, '')),
    '' order by s.value::int)
  into v_body
  from jsonb_each(p_list.orders) as o
  cross join jsonb_each_text(o.value -> 'statements') as s;
  execute format(
    $text$
create or replace function dbkit.%I(text[], bigint, bigint, int)
returns json[]
language plpgsql
stable
set plan_cache_mode = 'force_generic_plan'
as %L
    $text$, '_rows_of_' || p_list.name,
    format(E'#variable_conflict use_column\nbegin\n%s  return null;\nend\n', v_body));
  execute format('comment on function dbkit.%I(text[], bigint, bigint, int) is %L', '_rows_of_' || p_list.name,
    format('Generated from api_lists: the pages of %s by edge, limit, offset and number of the statement.',
      p_list.name));
  execute format('revoke all on function dbkit.%I(text[], bigint, bigint, int) from public',
    '_rows_of_' || p_list.name);
  execute format('grant execute on function dbkit.%I(text[], bigint, bigint, int) to anon, authenticated, '
    'service_role, super_admin', '_rows_of_' || p_list.name);
end
$$;
comment on function dbkit._generate_list(dbkit.api_lists) is
  'Writes the function _rows_of_<name> of a list. The caller holds the registry lock.';
