create or replace function dbkit._is_burn_window(p_window jsonb)
returns boolean
language plpgsql
immutable
as $$
begin
  if (jsonb_typeof(p_window) = 'object' and jsonb_typeof(p_window -> 'factor') = 'number'
    and jsonb_typeof(p_window -> 'long_minutes') = 'number'
    and jsonb_typeof(p_window -> 'short_minutes') = 'number'
    and p_window - '{factor,long_minutes,short_minutes}'::text[] = '{}'
    and p_window ->> 'long_minutes' ~ '^[0-9]{1,5}$' and p_window ->> 'short_minutes' ~ '^[0-9]{1,5}$')
      is not true
  then
    return false;
  end if;
  return (p_window ->> 'factor')::numeric > 0 and (p_window ->> 'factor')::numeric <= 100000
    and (p_window ->> 'long_minutes')::int between 1 and 43200
    and (p_window ->> 'short_minutes')::int between 1 and (p_window ->> 'long_minutes')::int;
end
$$;
comment on function dbkit._is_burn_window(jsonb) is 'Whether burn_rate may have this window.';
grant execute on function dbkit._is_burn_window(jsonb) to service_role, super_admin;
