create or replace function dbkit._rate_limit_of(p_consumer text, p_call text)
returns dbkit.api_rate_limits
language plpgsql
stable
as $$
declare
  v_limit dbkit.api_rate_limits;
begin
  select * into v_limit
  from dbkit.api_rate_limits
  where consumer in (p_consumer, '*') and call in (p_call, '*')
  order by consumer = '*', call = '*'
  limit 1;
  return v_limit;
end
$$;
comment on function dbkit._rate_limit_of(text, text) is
  'The limit that counts for a call of a consumer: a row of the consumer goes before one of everybody (*), and
then one of the call before one of all calls (*). A row of NULLs when there is none.';
