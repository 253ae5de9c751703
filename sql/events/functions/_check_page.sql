create or replace function dbkit._check_page(p_limit int)
returns void
language plpgsql
stable
as $$
begin
  if p_limit between 1 and 10000 is not true then
    perform dbkit.raise_error('KD004', format('the limit must be 1 to 10000, and is %s', p_limit),
      '{"argument": "p_limit"}', 'Read in pages: go on after the last row.');
  end if;
end
$$;
comment on function dbkit._check_page(int) is 'Raises KD004 unless the size of a page is 1 to 10000.';
grant execute on function dbkit._check_page(int) to authenticated, service_role, super_admin;
