create or replace function dbkit._metric_series(p_data jsonb, p_key text)
returns text
language sql
immutable
as $$
select case coalesce(p_data ->> p_key, '') when '*' then '__other__' else left(coalesce(p_data ->> p_key, ''), 200) end
$$;
comment on function dbkit._metric_series(jsonb, text) is
  'The series that an event belongs to; never *, which stands for all of them.';
