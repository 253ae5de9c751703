-- First the sender's quota, then the pool's: who sends too much takes nothing from the others.
create or replace function dbkit._grant_metric_bytes(p_wanted bigint, out granted bigint, out reason text)
language plpgsql
volatile
as $$
declare
  v_set dbkit.metric_settings := (select s from dbkit.metric_settings s);
  v_account boolean := pg_has_role(dbkit.caller_role(), 'authenticated', 'usage');
  v_sender text := coalesce(case when v_account then 'u' || dbkit.context_value('user_id') end,
    'c' || dbkit.context_value('client_id'), 'a' || host(inet_client_addr()), '');
begin
  granted := dbkit._take_metric_quota('sender', (hashtextextended(v_sender, 0) & 511)::int * 2, 2,
    v_set.sender_bytes_per_minute, p_wanted);
  reason := 'sender_quota';
  if granted = 0 then
    return;
  end if;
  if not v_account and coalesce(pg_total_relation_size(to_regclass('dbkit.runtime_metrics_'
    || to_char(dbkit.clock() at time zone 'UTC', 'YYYYMMDD'))), 0) >= v_set.anon_bytes_per_day
  then
    granted := 0;
    reason := 'day_quota';
    return;
  end if;
  p_wanted := granted;
  granted := dbkit._take_metric_quota(case when v_account then 'account' else 'anon' end, 0, 16,
    case when v_account then v_set.account_bytes_per_minute else v_set.anon_bytes_per_minute end, p_wanted);
  if granted < p_wanted then
    reason := 'quota';
  end if;
end
$$;
comment on function dbkit._grant_metric_bytes(bigint) is
  'How many of p_wanted bytes the caller may write, and what the reason is if it is not all of them.';
