-- Digests of the signatures are compared, not the signatures: how long that takes tells nothing about how
-- much of a forged one was right.
create or replace function dbkit._open_cursor(p_binding text, p_cursor text)
returns jsonb
language plpgsql
stable
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
declare
  v_text text;
  v_mac text;
  v_cursor jsonb;
begin
  if length(p_cursor) > 16384 or p_cursor !~ '^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{43}$' then
    return null;
  end if;
  v_text := left(p_cursor, -44);
  v_mac := right(p_cursor, 43);
  if not exists (
    select
    from dbkit.api_cursor_keys k
    where sha256(convert_to(translate(encode(sha256(k.outer_block
        || sha256(k.inner_block || convert_to(v_text, 'UTF8'))), 'base64'), '+/=', '-_'), 'UTF8'))
      = sha256(convert_to(v_mac, 'UTF8'))
  ) then
    return null;
  end if;
  v_cursor := convert_from(decode(translate(v_text, '-_', '+/')
    || repeat('=', (4 - length(v_text) % 4) % 4), 'base64'), 'UTF8')::jsonb;
  if v_cursor ->> 's' <> dbkit._cursor_scope(p_binding) then
    return '{}'::jsonb;
  end if;
  return v_cursor - 's';
end
$$;
comment on function dbkit._open_cursor(text, text) is
  'What _seal_cursors put into a cursor, {d, v}; {} for one that belongs to another caller or binding;
NULL for one that was not signed here, or was changed, or whose key is gone.';
grant execute on function dbkit._open_cursor(text, text)
to anon, authenticated, service_role, super_admin;
