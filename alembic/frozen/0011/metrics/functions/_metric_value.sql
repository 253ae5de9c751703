create or replace function dbkit._metric_value(p_data jsonb, p_key text)
returns double precision
language sql
immutable
as $$
select case
  when jsonb_typeof(p_data -> p_key) = 'number' and (p_data -> p_key)::numeric between 0 and 1e12
    -- Smaller numbers may have no double precision at all (22003).
    then case when (p_data -> p_key)::numeric < 1e-9 then 0::float8 else (p_data -> p_key)::float8 end
end
$$;
comment on function dbkit._metric_value(jsonb, text) is
  'A number of an event, or NULL where there is none from 0 to 1e12.';
