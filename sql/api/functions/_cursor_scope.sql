-- Who the caller is comes from the session here, never from an argument: whoever calls _seal_cursors by
-- hand can only make cursors of their own, which show nothing that they could not page to anyway. It says
-- again what caller_role and context_value do, on purpose: plans are made for one search_path, and
-- functions that run under the caller's path and under the pinned one in turn are planned anew each time,
-- which took longer than the page.
create or replace function dbkit._cursor_scope(p_binding text)
returns text
language plpgsql
stable
as $$
declare
  v_claims jsonb := nullif(current_setting('request.jwt.claims', true), '')::jsonb;
  v_role text := current_setting('role');
begin
  if v_claims is null then
    v_claims := jsonb_build_object(
      'organization_id', nullif(current_setting('dbkit.organization_id', true), ''),
      'sub', nullif(current_setting('dbkit.user_id', true), ''));
  end if;
  return translate(encode(substr(sha256(convert_to(jsonb_build_array(
      case when v_role = 'none' then session_user else v_role end,
      v_claims ->> 'organization_id', v_claims ->> 'sub', p_binding)::text, 'UTF8')), 1, 16), 'base64'),
    '+/=', '-_');
end
$$;
comment on function dbkit._cursor_scope(text) is
  '128 bits that say whose cursor it is (role, organization, user) and of what (p_binding), base64url.';
