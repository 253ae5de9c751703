create or replace function dbkit._headers_problem(p_headers jsonb)
returns text
language plpgsql
immutable
as $$
begin
  if jsonb_typeof(p_headers) is distinct from 'object' then
    return 'p_headers must be a JSON object of texts';
  end if;
  return (
    select case
      when count(*) > 20 then 'p_headers must have at most 20 headers'
      when count(*) <> count(distinct lower(h.key)) then 'p_headers must have each header once'
      when bool_or(jsonb_typeof(h.value) <> 'string' or length(h.value #>> '{}') > 2000
        or h.value #>> '{}' ~ '[^\x20-\x7e\t]')
        then 'p_headers must have texts of printable ASCII, up to 2000 characters'
      when bool_or(h.key !~ '^[A-Za-z0-9!#$%&''*+.^_`|~-]{1,100}$') then 'p_headers has a malformed name'
      when bool_or(lower(h.key) ~ '^(webhook-|proxy-)' or lower(h.key) = any (
        array['host', 'content-length', 'content-type', 'content-encoding', 'transfer-encoding', 'connection',
          'keep-alive', 'upgrade', 'te', 'trailer', 'expect']))
        then 'p_headers must leave webhook-* and those of the connection alone'
    end
    from jsonb_each(p_headers) as h);
end
$$;
comment on function dbkit._headers_problem(jsonb) is
  'What is wrong with the extra headers of a subscription; NULL when nothing is.';
