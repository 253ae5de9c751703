create or replace function dbkit._json_keywords()
returns table (keyword text, applies text, measure text, operator text)
language sql
immutable
as $$
  values
    ('minimum', 'number', '%s', '>='),
    ('maximum', 'number', '%s', '<='),
    ('exclusiveMinimum', 'number', '%s', '>'),
    ('exclusiveMaximum', 'number', '%s', '<'),
    ('minLength', 'string', 'length(%s)', '>='),
    ('maxLength', 'string', 'length(%s)', '<='),
    ('pattern', 'string', '%s', '~'),
    ('minItems', 'array', 'jsonb_array_length(%s)', '>='),
    ('maxItems', 'array', 'jsonb_array_length(%s)', '<=')
$$;
comment on function dbkit._json_keywords() is
  'JSON Schema keywords that compare one measure of a value of one type with an operand.';
grant execute on function dbkit._json_keywords() to anon, authenticated, service_role, super_admin;
