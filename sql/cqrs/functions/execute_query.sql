-- VOLATILE, as it keeps answers; in a read-only transaction it does not. Where events cannot be read by
-- position (another isolation level, a standby) it only computes. The handler runs once and with the
-- caller's own rights, unless callers share the answer (_find_answer).
create or replace function dbkit.execute_query(
  p_query text,
  p_params jsonb default '{}',
  p_min_position bigint default null
)
returns jsonb
language plpgsql
volatile
as $$
declare
  v_found record;
  v_computed record;
  v_started timestamptz;
begin
  if pg_is_in_recovery() or current_setting('transaction_isolation') not in ('read committed', 'read uncommitted') then
    perform dbkit._require_position(p_query, p_min_position, null);
    v_started := dbkit.clock();
    v_computed := dbkit._dispatch_query(p_query, coalesce(p_params, '{}'));
    return jsonb_build_object('data', v_computed.data, 'position', p_min_position, 'cached', false,
      'computed_at', v_started);
  end if;
  v_found := dbkit._find_answer(p_query, coalesce(p_params, '{}'), p_min_position);
  if v_found.answer is not null then
    return v_found.answer;
  end if;
  v_computed := dbkit._dispatch_query(p_query, coalesce(p_params, '{}'));
  if coalesce(v_computed.revision = v_found.revision, false)
    and dbkit._keep_own_answer(p_query, v_found.params_hash, v_computed.revision, v_computed.data,
      v_found.position, v_found.generations, v_found.started)
  then
    null;
  end if;
  return jsonb_build_object('data', v_computed.data, 'position', greatest(v_found.position, p_min_position),
    'cached', false, 'computed_at', v_found.started);
end
$$;
comment on function dbkit.execute_query(text, jsonb, bigint) is
  'Answers a registered query: from the cache while nothing that the answer depends on has changed, else by
its handler. A cached answer is what the handler would say now, as far as it depends on events; a transaction
that has appended some gets them.
p_min_position: a position that an append, a command or a query returned; the answer has what was appended up
to there, or it raises KD608 (a standby or a projection that has not come so far).
position: give it as p_min_position to see nothing older later; NULL where positions cannot be told (not READ
COMMITTED, or a standby), where nothing is cached either. computed_at: when the handler ran.
In a read-only transaction answers are read and not kept.
Returns {data json, position bigint?, cached boolean, computed_at timestamptz}.
Raises KD003, KD606, KD607 (breaks the schema), KD608, and whatever the handler raises.';
grant execute on function dbkit.execute_query(text, jsonb, bigint)
to anon, authenticated, service_role, super_admin;
