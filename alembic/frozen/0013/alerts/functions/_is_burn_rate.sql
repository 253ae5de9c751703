create or replace function dbkit._is_burn_rate(p_burn_rate jsonb)
returns boolean
language plpgsql
immutable
as $$
begin
  if (jsonb_typeof(p_burn_rate) = 'object' and jsonb_typeof(p_burn_rate -> 'objective') = 'number'
    and jsonb_typeof(p_burn_rate -> 'windows') = 'array'
    and p_burn_rate - '{objective,windows}'::text[] = '{}') is not true
  then
    return false;
  end if;
  return (p_burn_rate ->> 'objective')::numeric between 0 and 99.9999
    and jsonb_array_length(p_burn_rate -> 'windows') between 1 and 4
    and not exists (
      select from jsonb_array_elements(p_burn_rate -> 'windows') as w (value)
      where dbkit._is_burn_window(w.value) is not true);
end
$$;
comment on function dbkit._is_burn_rate(jsonb) is 'Whether a rule may have this burn_rate.';
grant execute on function dbkit._is_burn_rate(jsonb) to service_role, super_admin;
