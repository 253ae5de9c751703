-- What differs from one occurrence to the next goes: quoted text, ids, numbers. In this order, since a UUID
-- has digits. Only the beginning counts, so that a long message costs no more.
create or replace function dbkit._error_fingerprint(p_error_type text, p_message text)
returns text
language sql
immutable
as $$
select left(md5(coalesce(p_error_type, '') || ' ' || regexp_replace(regexp_replace(regexp_replace(
  left(coalesce(p_message, ''), 500),
  '"[^"]*"|''[^'']*''|`[^`]*`', '<text>', 'g'),
  '[0-9a-fA-F]{8}-?([0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}|0x[0-9a-fA-F]+|\m(?=[0-9a-f]*[0-9])[0-9a-f]{8,}\M', '<id>', 'g'),
  '[0-9]+', '<n>', 'g')), 16)
$$;
comment on function dbkit._error_fingerprint(text, text) is
  '16 hex digits, the same for errors of one type whose messages differ in numbers, ids and quoted text
only.';
