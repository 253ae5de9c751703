create or replace function dbkit._call_heal_function(
  p_function text,
  p_params jsonb,
  p_limit int,
  p_except text[]
)
returns jsonb
language plpgsql
volatile
as $$
declare
  v_function constant regproc := (p_function || '(jsonb,integer,text[])')::regprocedure::oid::regproc;
  v_rows jsonb;
begin
  execute format(
    'select coalesce(jsonb_agg(to_jsonb(r)), ''[]'') from (
      select f.subject, f.organization_id, f.before, f.after from %s($1, $2, $3) as f) as r', v_function)
  into v_rows
  using p_params, p_limit, p_except;
  if jsonb_array_length(v_rows) > p_limit then
    perform dbkit.raise_error('KD746', format('%s returned %s rows, and was allowed %s', p_function,
      jsonb_array_length(v_rows), p_limit), jsonb_build_object('function', p_function, 'limit', p_limit));
  end if;
  return v_rows;
end
$$;
comment on function dbkit._call_heal_function(text, jsonb, int, text[]) is
  'Calls a rule''s find_function or apply_function: [{subject, organization_id, before, after}]. Raises
KD746.';
grant execute on function dbkit._call_heal_function(text, jsonb, int, text[]) to service_role, super_admin;
