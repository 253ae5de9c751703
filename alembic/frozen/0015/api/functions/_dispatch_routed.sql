-- A write in a READ ONLY transaction is told so before it runs: the handler would meet it halfway.
create or replace function dbkit._dispatch_routed(
  p_rpc_id int,
  p_access text,
  p_payload jsonb,
  p_meta jsonb
)
returns jsonb
language plpgsql
volatile
as $$
declare
  v_payload jsonb := coalesce(p_payload, '{}');
  v_data jsonb;
begin
  if p_access = 'write' then
    if current_setting('transaction_read_only') = 'on' then
      perform dbkit.raise_error('KD121', format('%s writes, and the transaction is read only', p_meta ->> 'rpc'),
        jsonb_build_object('rpc', p_meta ->> 'rpc', 'access', 'write'),
        'Send it with POST, or to the primary in a READ WRITE transaction.');
    elsif v_payload ? 'idempotency_key' or current_setting('dbkit.idempotency_key', true) <> '' then
      v_data := dbkit._dispatch_once(p_rpc_id, p_meta ->> 'rpc', v_payload);
      return jsonb_build_object('data', v_data, 'meta', p_meta
        || case current_setting('dbkit.replayed') when 'on' then '{"replayed": true}' else '{}' end::jsonb);
    end if;
  end if;
  return jsonb_build_object('data', dbkit._dispatch(p_rpc_id, v_payload), 'meta', p_meta);
end
$$;
comment on function dbkit._dispatch_routed(int, text, jsonb, jsonb) is
  'Runs a call that is routed and not on the fast path: {data, meta}. Raises KD120, KD121, and what
_dispatch_once and the handler raise.';
grant execute on function dbkit._dispatch_routed(int, text, jsonb, jsonb)
to anon, authenticated, service_role, super_admin;
