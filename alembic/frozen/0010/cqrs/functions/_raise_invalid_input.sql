create or replace function dbkit._raise_invalid_input(
  p_sqlstate text,
  p_what text,
  p_name text,
  p_argument text,
  p_input jsonb,
  p_max_bytes int,
  p_schema jsonb
)
returns void
language plpgsql
stable
as $$
declare
  v_errors jsonb;
begin
  if pg_column_size(p_input) > p_max_bytes then
    v_errors := jsonb_build_array(jsonb_build_object('path', '', 'keyword', 'size',
      'message', format('has more than %s bytes', p_max_bytes)));
  else
    select jsonb_agg(to_jsonb(e) order by e.path)
    into v_errors
    from (select * from dbkit.validate_json(p_schema, p_input) limit 20) as e;
  end if;
  perform dbkit.raise_error(p_sqlstate,
    format('%s: "%s" %s', p_name, coalesce(nullif(ltrim(v_errors #>> '{0,path}', '/'), ''), p_argument),
      coalesce(v_errors #>> '{0,message}', 'is not valid')),
    jsonb_build_object(p_what, p_name, 'field', ltrim(v_errors #>> '{0,path}', '/'), 'errors', v_errors),
    format('select * from dbkit.%s_definitions has the JSON Schema.', p_what));
end
$$;
comment on function dbkit._raise_invalid_input(text, text, text, text, jsonb, int, jsonb) is
  'Raises what is wrong with a payload or with parameters.';
grant execute on function dbkit._raise_invalid_input(text, text, text, text, jsonb, int, jsonb)
to anon, authenticated, service_role, super_admin;
