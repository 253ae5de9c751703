create or replace function dbkit._with_failure(p_failures jsonb, p_failure jsonb)
returns jsonb
language sql
immutable
as $$
select case when jsonb_array_length(coalesce(p_failures, '[]')) >= 20 then (p_failures - 0) || p_failure
  else coalesce(p_failures, '[]') || p_failure end
$$;
comment on function dbkit._with_failure(jsonb, jsonb) is 'The newest 20 failures of a delivery.';
