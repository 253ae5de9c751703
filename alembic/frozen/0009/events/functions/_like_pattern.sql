create or replace function dbkit._like_pattern(p_pattern text)
returns text
language sql
immutable strict
as $$
select replace(replace(replace(replace(p_pattern, '\', '\\'), '%', '\%'), '_', '\_'), '*', '%')
$$;
comment on function dbkit._like_pattern(text) is
  'A pattern whose only special character is * (any run of characters) as LIKE wants it.';
