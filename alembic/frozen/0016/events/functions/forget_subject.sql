-- Locks: the subject's lock alone, so that no open transaction has plain text of them, then the row of the
-- key and those of _lock_subject_errors. Whoever locks a row first (_write_snapshot) would meet that in the
-- other order: hence NOWAIT, and all are let go before it is tried again. So they are when a trigger on the
-- key has waited in vain for others who may keep plain text (KD515). lock_timeout bounds how long others
-- queue behind.
create or replace function dbkit.forget_subject(p_subject text, p_reason text)
returns jsonb
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
set lock_timeout = '1s'
as $$
declare
  v_organization_id text := dbkit.current_organization();
  v_key bytea;
  v_receipt jsonb;
  v_until constant timestamptz := clock_timestamp() + interval '5 s';
begin
  perform dbkit.require_service('forgetting a subject');
  if (length(p_subject) between 1 and 200 and length(trim(p_reason)) between 1 and 500) is not true then
    perform dbkit.raise_error('KD004', 'a subject has 1 to 200 characters, and a reason 1 to 500',
      '{"argument": "p_subject, p_reason"}', 'Do not name the person in the reason: it stays.');
  end if;
  loop
    begin
      perform dbkit._hold_subject(v_organization_id, p_subject, true);
      insert into dbkit.event_subject_keys (organization_id, subject, key, created_at)
      values (v_organization_id, p_subject, dbkit._new_subject_key(), dbkit.clock())
      on conflict do nothing;
      select k.key
      into v_key
      from dbkit.event_subject_keys k
      where k.organization_id = v_organization_id and k.subject = p_subject
      for update nowait;
      perform dbkit._lock_subject_errors(v_organization_id, p_subject);
      v_receipt := dbkit._forget_subject(v_organization_id, p_subject, v_key, p_reason);
      exit;
    exception when lock_not_available or sqlstate 'KD515' then
      if clock_timestamp() > v_until and sqlstate = 'KD515' then
        raise;
      elsif clock_timestamp() > v_until then
        perform dbkit.raise_error('KD515', 'an open transaction has read or written events of the subject',
          '{"waited_s": 5}',
          'Forget again when it has ended. idle_in_transaction_session_timeout ends forgotten ones.');
      end if;
      perform pg_sleep(0.02);
    end;
  end loop;
  return v_receipt;
end
$$;
comment on function dbkit.forget_subject(text, text) is
  'Makes what protect_event_fields had encrypted of a subject of the caller''s organization unreadable
for ever: destroys their key, deletes the snapshots of their streams, takes the fields out of what
webhooks have yet to send or have sent, drops what endpoints, consumers and projections said of events of
their streams and the organization''s cached answers, and writes a receipt. Reads then
give {"$forgotten": true} in place of those fields. Nothing more is stored of them: appending raises
KD514. Forgetting again returns the first receipt with replayed true.
projections: read models that read such events. Their rows may hold plain text until each is made again by
rebuild_projection; one whose rebuild had begun before must begin again.
What remains: the subject''s name in the events, fields that were never protected, the key in backups and
WAL archives as long as those are kept (docs/adr/0010), and what readers took away.
Waits for open transactions that have read or written the subject''s fields, or computed an answer of the
organization for the query cache (dbkit.execute_query), about 5 seconds; then raises KD515, and has done nothing.
Returns {receipt_id uuid, subject_hash text, key_hash text, events bigint, streams bigint, projections text[], forgotten_at timestamptz, replayed boolean}.
Needs service_role. Raises KD003, KD004, KD515.';
grant execute on function dbkit.forget_subject(text, text) to service_role, super_admin;
