create or replace function dbkit._is_pattern(p_pattern text)
returns boolean
language plpgsql
immutable
as $$
begin
  perform '' ~ p_pattern;
  return true;
exception
  when invalid_regular_expression then
    return false;
end
$$;
comment on function dbkit._is_pattern(text) is 'Whether a text is a POSIX regular expression.';
