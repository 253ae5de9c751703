-- In another isolation level than READ COMMITTED an answer could be hidden from the DELETE.
create or replace function dbkit._forget_cached_answers()
returns trigger
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
begin
  if current_setting('transaction_isolation') not in ('read committed', 'read uncommitted') then
    perform dbkit.raise_error('KD004', 'a subject is forgotten in READ COMMITTED transactions only',
      jsonb_build_object('argument', 'transaction_isolation',
        'value', current_setting('transaction_isolation')),
      'Begin the transaction with isolation level read committed.');
  end if;
  delete from dbkit.query_cache c where c.organization_id = new.organization_id;
  return null;
exception when lock_not_available then
  perform dbkit.raise_error('KD515', 'an open transaction keeps an answer in the query cache',
    jsonb_build_object('organization_id', new.organization_id), 'Forget again when it has ended.');
  return null;
end
$$;
comment on function dbkit._forget_cached_answers() is
  'Deletes the cached answers of an organization when one of its subjects is forgotten.';
