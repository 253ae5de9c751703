create or replace function dbkit._check_hours(p_hours int)
returns void
language plpgsql
stable
as $$
begin
  if p_hours between 1 and 9600 is not true then
    perform dbkit.raise_error('KD004', 'p_hours must be between 1 and 9600',
      jsonb_build_object('argument', 'p_hours', 'value', p_hours));
  end if;
end
$$;
comment on function dbkit._check_hours(int) is
  'Raises KD004 for a number of hours that metrics are not kept for.';
grant execute on function dbkit._check_hours(int) to service_role, super_admin;
