-- VOLATILE on purpose: with constant arguments a planner may run anything else while planning.
-- Plain RAISE takes four lines with USING; this keeps the form of every error the same, and the
-- detail machine-readable.
create or replace function dbkit.raise_error(
  p_sqlstate text,
  p_message text,
  p_detail jsonb default '{}',
  p_hint text default null
)
returns void
language plpgsql
volatile
as $$
begin
  raise exception using
    errcode = p_sqlstate,
    message = p_message,
    detail = coalesce(p_detail, '{}')::text,
    hint = coalesce(p_hint, '');
end
$$;
comment on function dbkit.raise_error(text, text, jsonb, text) is
  'Raises an error of dbkit: SQLSTATE, message for a person, detail as JSON, hint what to do.
For handlers of your own too; pick a SQLSTATE from dbkit.error_codes or your own class.';
grant execute on function dbkit.raise_error(text, text, jsonb, text)
to anon, authenticated, service_role, super_admin;
