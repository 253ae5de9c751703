create or replace function dbkit._inherited_calls(p_version text)
returns text[]
language plpgsql
stable
as $$
begin
  return array(
    select distinct t.name
    from dbkit.api_routes t
    join dbkit.api_versions asked on asked.version = t.asked
    where t.explicit
      and t.rank = 1
      and t.version = p_version
      and t.asked <> p_version
      and (asked.sunset_at is null or asked.sunset_at > dbkit.clock())
    order by t.name
  );
end
$$;
comment on function dbkit._inherited_calls(text) is
  'Calls that a newer, living version has only from this one: they would end with it.';
