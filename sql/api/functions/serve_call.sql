-- The hot path of a gateway: one statement is one transaction is one request, and what is set here ends with
-- it. What costs is the number of functions in the expressions that run, which a transaction prepares anew:
-- so rarer settings are behind an IF, and nothing is a query (an assignment is not). meta only takes what
-- set_config says. No set_config behind AND or OR, where the planner may leave it out. The rest is
-- route_api_call's own, without the envelope: to put data and meta into one object and take them out again
-- would cost more. A login that is a superuser could be switched to any role, so the role is checked here
-- too; by a plain RAISE, since the login may execute nothing else before the switch.
create or replace function dbkit.serve_call(
  p_name text,
  p_payload jsonb,
  p_version text,
  p_role text,
  p_read_only boolean,
  p_context jsonb,
  p_claims text,
  p_idempotency_key text
)
returns table (data text, meta text)
language plpgsql
volatile
as $$
declare
  v_suffix text := ' ' || coalesce(p_version, nullif(current_setting('dbkit.api_version', true), ''));
  v_app_key text;
  v_revision bigint;
  v_route jsonb;
  v_answer jsonb;
begin
  if (p_role in ('anon', 'authenticated', 'service_role', 'super_admin')) is not true
    and (p_role <> 'dbkit_gateway'
      and pg_has_role('dbkit_gateway', to_regrole(quote_ident(p_role)), 'member')) is not true
  then
    raise exception using errcode = 'KD003', message = 'a gateway may not switch to this role',
      detail = jsonb_build_object('role', p_role), hint = 'Grant the role to dbkit_gateway.';
  end if;
  meta := concat(
    set_config('role', p_role, true),
    set_config('dbkit.client_id', p_context ->> 'client_id', true),
    set_config('dbkit.request_id', p_context ->> 'request_id', true),
    set_config('dbkit.user_id', p_context ->> 'user_id', true));
  if p_read_only then
    meta := set_config('transaction_read_only', 'on', true);
  end if;
  if p_claims is not null then
    meta := set_config('request.jwt.claims', p_claims, true);
  end if;
  if p_idempotency_key is not null then
    meta := set_config('dbkit.idempotency_key', p_idempotency_key, true);
  end if;
  if p_context ? 'app_version' then
    v_app_key := coalesce(p_context ->> 'app_version_key', dbkit.semver_key(p_context ->> 'app_version'));
    meta := concat(
      set_config('dbkit.app_version', p_context ->> 'app_version', true),
      set_config('dbkit.app_version_key', v_app_key, true));
  end if;
  if p_context ?| array['app_name', 'region', 'organization_id', 'correlation_id', 'causation_id'] then
    meta := concat(
      set_config('dbkit.app_name', p_context ->> 'app_name', true),
      set_config('dbkit.region', p_context ->> 'region', true),
      set_config('dbkit.organization_id', p_context ->> 'organization_id', true),
      set_config('dbkit.correlation_id', p_context ->> 'correlation_id', true),
      set_config('dbkit.causation_id', p_context ->> 'causation_id', true));
  end if;
  if v_suffix is null then
    select a.fast_suffix, a.routes_revision
    into v_suffix, v_revision
    from dbkit.active_api_version a;
  end if;
  v_route := dbkit._fast_route(p_name || v_suffix);
  if v_route is null
    or (v_route -> 3)::bigint < v_revision
    or v_route ->> 1 > v_app_key collate "C"
    or current_setting('request.headers', true) <> ''
    or current_setting('dbkit.log_calls', true) = 'on'
  then
    v_answer := dbkit._route_slowly(p_name, p_payload, p_version);
    data := (v_answer -> 'data')::text;
    meta := (v_answer -> 'meta')::text;
  else
    data := coalesce(dbkit._dispatch((v_route -> 0)::int, coalesce(p_payload, '{}'))::text, 'null');
    meta := (v_route -> 2)::text;
  end if;
  return next;
end
$$;
comment on function dbkit.serve_call(text, jsonb, text, text, boolean, jsonb, text, text) is
  'What a gateway runs for a request, logged in as a member of dbkit_gateway: one row of data and meta, the
two parts of route_api_call''s answer as JSON texts. All that it sets ends with the transaction.
p_role: anon, authenticated, service_role, super_admin or a role granted to dbkit_gateway (else KD003), that
the login is a member of (else 42501); it is the role until the end of the transaction.
p_read_only: the transaction may not write (a write is KD121, or 25006 from within a handler).
p_context: a JSON object of texts: app_name, app_version (or with it app_version_key, what semver_key says of
it, which spares asking), client_id, region, request_id, user_id, organization_id, correlation_id,
causation_id; others are passed over. The caller has checked the values. p_claims: verified claims as JSON.
p_idempotency_key: as idempotency_key in the payload of a write; both, and not the same, is KD120. meta has
"replayed": true where the data is that of an earlier request with the same key.
Raises what route_api_call raises.
Nullable argument: p_payload, p_version, p_context, p_claims, p_idempotency_key.';
grant execute on function dbkit.serve_call(text, jsonb, text, text, boolean, jsonb, text, text)
to dbkit_gateway;
