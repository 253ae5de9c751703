-- Values of jsonb are in one order, in which numbers are together: what lies between two of them is one.
create or replace function dbkit._is_metric_value(p_value jsonb)
returns boolean
language sql
immutable
as $$
select p_value >= '0' and p_value <= '1000000000000'
$$;
comment on function dbkit._is_metric_value(jsonb) is
  'Whether it is a number that roll-ups can keep; NULL for none.';
