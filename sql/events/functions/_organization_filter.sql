create or replace function dbkit._organization_filter(p_organization_id text)
returns text
language sql
stable
as $$
select nullif(coalesce(p_organization_id, dbkit.current_organization()), '*')
$$;
comment on function dbkit._organization_filter(text) is
  'Which organization an operator lists: NULL the one of the request context, * all (then the result is
NULL).';
