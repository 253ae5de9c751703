-- The one reader of the context. After a transaction a setting reads '', not NULL: hence nullif.
-- Behind PostgREST the verified claims are stronger than what a client says of itself.
-- A search_path of its own: policies call it under the caller's, and who owns a schema could put an operator
-- before the one that reads the claims. Definers call it under theirs, and to prepare it anew under each in
-- turn costs ten times as much as a call.
create or replace function dbkit.context_value(p_key text)
returns text
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
  v_said text := nullif(current_setting('dbkit.' || p_key, true), '');
  v_claims text;
  v_headers text;
begin
  if p_key in ('user_id', 'organization_id') then
    v_claims := nullif(current_setting('request.jwt.claims', true), '');
    if v_claims is not null then
      return nullif(v_claims::jsonb ->> case p_key when 'user_id' then 'sub' else p_key end, '');
    end if;
    return v_said;
  end if;
  if v_said is null then
    v_headers := nullif(current_setting('request.headers', true), '');
    if v_headers is not null then
      return nullif(v_headers::jsonb ->> case p_key
        when 'region' then 'x-client-region' else 'x-' || replace(p_key, '_', '-') end, '');
    end if;
  end if;
  return v_said;
end
$$;
comment on function dbkit.context_value(text) is
  'One key of the request context, or NULL: what set_request_context wrote; behind PostgREST else the
headers X-App-Name, X-App-Version, X-Api-Version, X-Client-Id, X-Client-Region, X-Request-Id, and the
claims sub (user_id) and organization_id, which no other value overrides.
In a policy write (select dbkit.context_value(''user_id'')), so that it runs once.';
grant execute on function dbkit.context_value(text)
to anon, authenticated, service_role, super_admin;
