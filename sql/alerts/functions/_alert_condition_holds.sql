create or replace function dbkit._alert_condition_holds(
  p_condition text,
  p_value double precision,
  p_threshold numeric
)
returns boolean
language sql
immutable
as $$
select case p_condition
  when 'gt' then p_value > p_threshold::double precision
  when 'lt' then p_value < p_threshold::double precision
  when 'gte' then p_value >= p_threshold::double precision
  when 'lte' then p_value <= p_threshold::double precision
  else p_value = p_threshold::double precision
end
$$;
comment on function dbkit._alert_condition_holds(text, double precision, numeric) is
  'Whether a value is on the wrong side of a threshold; NULL for NULL.';
grant execute on function dbkit._alert_condition_holds(text, double precision, numeric)
to service_role, super_admin;
