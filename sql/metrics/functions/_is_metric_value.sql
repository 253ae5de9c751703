create or replace function dbkit._is_metric_value(p_value jsonb)
returns boolean
language sql
immutable
as $$
select case when jsonb_typeof(p_value) = 'number' then p_value::numeric between 0 and 1e12 else false end
$$;
comment on function dbkit._is_metric_value(jsonb) is 'Whether it is a number that roll-ups can keep.';
