create or replace function dbkit._check_handler(
  p_sqlstate text,
  p_what text,
  p_name text,
  p_handler text,
  p_schema jsonb,
  p_required_role text,
  p_is_query boolean
)
returns text
language plpgsql
stable
as $$
declare
  v_arguments text := '(jsonb)';
  v_problem text;
  v_versioned regprocedure;
begin
  if p_name is null or p_name !~ '^[a-z][a-z0-9_]{0,62}$' then
    v_problem := 'the name must be snake case, at most 63 characters';
  elsif p_required_role is not null
    and not exists (select from pg_catalog.pg_roles where rolname = p_required_role)
  then
    v_problem := format('the role %s does not exist', p_required_role);
  elsif p_handler is null and p_is_query then
    v_problem := 'it needs a handler';
  end if;
  begin
    perform dbkit._check_json_schema(p_schema);
    if v_problem is null and p_handler is not null then
      if not p_is_query and p_handler !~ '\(\s*jsonb\s*\)$' then
        begin
          v_versioned := to_regprocedure(regexp_replace(p_handler, '\(.*$', '') || '(jsonb,bigint)');
        exception when others then
          v_versioned := null;
        end;
        v_arguments := case when v_versioned is null then '(jsonb)' else '(jsonb,bigint)' end;
      end if;
      return dbkit._check_event_function('handler of ' || p_name, p_handler, v_arguments,
        case when p_required_role is null then '{anon,authenticated,service_role,super_admin}'
          else array[p_required_role] end, not p_is_query);
    end if;
  exception when sqlstate 'KD108' or sqlstate 'KD508' then
    v_problem := coalesce(v_problem, sqlerrm);
  end;
  if v_problem is not null then
    perform dbkit.raise_error(p_sqlstate, format('the %s %s cannot be registered: %s', p_what, p_name, v_problem),
      jsonb_build_object(p_what, p_name, 'handler', p_handler, 'required_role', p_required_role),
      format('The comment of dbkit.register_%s says what it needs.', p_what));
  end if;
  return null;
end
$$;
comment on function dbkit._check_handler(text, text, text, text, jsonb, text, boolean) is
  'The full signature of a handler that may be registered as a command or query, else an error of the given
SQLSTATE; NULL where a program handles the command.';
