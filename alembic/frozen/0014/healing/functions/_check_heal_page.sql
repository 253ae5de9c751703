create or replace function dbkit._check_heal_page(p_limit int)
returns void
language plpgsql
volatile
as $$
begin
  if p_limit between 1 and 1000 is not true then
    perform dbkit.raise_error('KD004', 'p_limit must be between 1 and 1000',
      jsonb_build_object('argument', 'p_limit', 'value', p_limit));
  end if;
end
$$;
comment on function dbkit._check_heal_page(int) is 'Raises KD004 unless a page may be so long.';
grant execute on function dbkit._check_heal_page(int) to service_role, super_admin;
