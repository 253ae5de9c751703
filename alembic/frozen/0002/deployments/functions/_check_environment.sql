create or replace function dbkit._check_environment(p_environment text)
returns void
language plpgsql
immutable
as $$
begin
  if p_environment is null or p_environment not in ('staging', 'production') then
    perform dbkit.raise_error(
      'KD004',
      format('environment must be staging or production, not %s', coalesce(p_environment, 'null')),
      jsonb_build_object('argument', 'p_environment', 'value', left(p_environment, 100)));
  end if;
end
$$;
comment on function dbkit._check_environment(text) is
  'Raises KD004 unless the environment is staging or production.';
grant execute on function dbkit._check_environment(text) to service_role, super_admin;
