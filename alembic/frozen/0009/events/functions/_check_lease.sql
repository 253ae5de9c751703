create or replace function dbkit._check_lease(p_consumer text, p_lease_seconds int)
returns void
language plpgsql
volatile
as $$
begin
  if length(p_consumer) between 1 and 200 is not true then
    perform dbkit.raise_error('KD004', 'p_consumer must have 1 to 200 characters',
      '{"argument": "p_consumer"}', 'Name the program: host and process id, for example.');
  elsif p_lease_seconds between 1 and 86400 is not true then
    perform dbkit.raise_error('KD004', 'p_lease_seconds must be 1 to 86400',
      '{"argument": "p_lease_seconds"}',
      'Take more than a batch needs, or extend the lease while it is worked at.');
  end if;
end
$$;
comment on function dbkit._check_lease(text, int) is 'Raises KD004 for a lease that cannot be.';
