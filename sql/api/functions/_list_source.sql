create or replace function dbkit._list_source(p_name text, p_source text, p_key text[])
returns text
language plpgsql
stable
as $$
declare
  v_source record;
  v_id regclass;
begin
  if p_name ~ '^[a-z][a-z0-9_]{0,49}$' is not true then
    perform dbkit._raise_invalid_list(p_name, 'the name must be snake case, at most 50 characters');
  end if;
  begin
    v_id := to_regclass(p_source);
  exception
    when syntax_error_or_access_rule_violation or data_exception or feature_not_supported then v_id := null;
  end;
  select c.relkind, format('%I.%I', n.nspname, c.relname) as name, n.nspname
  into v_source
  from pg_catalog.pg_class c
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  where c.oid = v_id;
  if v_source.name is null or v_source.relkind not in ('r', 'p', 'v', 'm', 'f')
    or v_source.nspname ~ '^pg_(temp|toast)'
  then
    perform dbkit._raise_invalid_list(p_name,
      format('there is no table or view %s; write schema.table', p_source));
  end if;
  if v_source.relkind in ('r', 'p') and not exists (
    select
    from pg_catalog.pg_index i
    where i.indrelid = v_id and i.indisunique and i.indisvalid and i.indimmediate and i.indpred is null
      and i.indexprs is null
      and (
        select bool_and(a.attname = any (p_key))
        from pg_catalog.pg_attribute a
        where a.attrelid = v_id and a.attnum = any ((i.indkey::int2[])[:i.indnkeyatts - 1]))
  ) then
    perform dbkit._raise_invalid_list(p_name, format('no unique index says that (%s) is a key of %s',
      array_to_string(p_key, ', '), v_source.name));
  end if;
  return v_source.name;
end
$$;
comment on function dbkit._list_source(text, text, text[]) is
  'The full name of a list''s table or view. Raises KD143 when there is none, or when it is a table
without a unique index over the key, or a bad name is given.';
