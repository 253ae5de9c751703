-- Who the caller is comes from the session here, never from an argument: with what this returns anybody can
-- only sign cursors of their own, which show nothing that they could not page to anyway. HMAC (RFC 2104) over
-- the scope gives a key to each, so a page asks for it once, and opens and seals with the caller's rights.
-- It says again what caller_role and context_value do, since it is on the way of every page.
create or replace function dbkit._cursor_key(
  p_binding text,
  p_version text default null,
  p_before boolean default false
)
returns bytea
language plpgsql
stable
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
declare
  v_claims text := nullif(current_setting('request.jwt.claims', true), '');
  v_version text := p_version;
  v_inner bytea;
  v_outer bytea;
  v_scope bytea;
begin
  if v_version is null then
    select a.current_version into v_version from dbkit.active_api_version a;
  end if;
  -- No argument inside the statements: they would be planned for its value each time.
  if p_before then
    select k.inner_block, k.outer_block into v_inner, v_outer
    from dbkit.api_cursor_keys k
    order by k.key_id desc
    limit 1 offset 1;
  else
    select k.inner_block, k.outer_block into v_inner, v_outer
    from dbkit.api_cursor_keys k
    order by k.key_id desc
    limit 1;
  end if;
  v_scope := substr(sha256(convert_to(array[
    coalesce(nullif(current_setting('role'), 'none'), session_user),
    case when v_claims is null then nullif(current_setting('dbkit.organization_id', true), '')
      else v_claims::jsonb ->> 'organization_id' end,
    case when v_claims is null then nullif(current_setting('dbkit.user_id', true), '')
      else v_claims::jsonb ->> 'sub' end,
    v_version, p_binding]::text, 'UTF8')), 1, 16);
  return v_scope || sha256(v_outer || sha256(v_inner || v_scope));
end
$$;
comment on function dbkit._cursor_key(text, text, boolean) is
  'What signs the cursors of the calling role, organization and user for a binding (what list, order and
filter) and an API version (NULL: the active one): 16 bytes that tell this scope, then 32 to sign with.
p_before: of the key before the last rotation; NULL when there is none.';
grant execute on function dbkit._cursor_key(text, text, boolean)
to anon, authenticated, service_role, super_admin;
