-- Whoever read plain text of the subject, from events or from a snapshot, may be about to keep an answer that
-- has it. So this waits until all who are computing answers of the organization have ended (_find_answer),
-- and nobody keeps any until it has. One of them may come to wait for the subject's lock: half a second is
-- less than deadlock_timeout, so that this gives way and no reader is the victim; forget_subject lets its
-- locks go then, and comes again.
-- In another isolation level than READ COMMITTED an answer could be hidden from the DELETE.
create or replace function dbkit._forget_cached_answers()
returns trigger
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
set lock_timeout = '500ms'
as $$
begin
  if current_setting('transaction_isolation') not in ('read committed', 'read uncommitted') then
    perform dbkit.raise_error('KD004', 'a subject is forgotten in READ COMMITTED transactions only',
      jsonb_build_object('argument', 'transaction_isolation',
        'value', current_setting('transaction_isolation')),
      'Begin the transaction with isolation level read committed.');
  end if;
  perform pg_advisory_xact_lock(1684171379, hashtext(new.organization_id));
  delete from dbkit.query_cache c where c.organization_id = new.organization_id;
  return null;
exception when lock_not_available then
  perform dbkit.raise_error('KD515', 'an open transaction keeps an answer in the query cache',
    jsonb_build_object('organization_id', new.organization_id), 'Forget again when it has ended.');
  return null;
end
$$;
comment on function dbkit._forget_cached_answers() is
  'Deletes the cached answers of an organization when one of its subjects is forgotten. Raises KD004 (not READ
COMMITTED), KD515.';
