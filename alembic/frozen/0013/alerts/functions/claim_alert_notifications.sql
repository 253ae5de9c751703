-- Candidates first, no more than a few of each channel so that a dead one does not take all the places; then
-- they are locked, skipping those that somebody else has, and looked at again.
create or replace function dbkit.claim_alert_notifications(
  p_worker text,
  p_limit int default 10,
  p_lease_seconds int default 120
)
returns table (
  notification_id bigint,
  organization_id text,
  alert_id bigint,
  channel text,
  kind text,
  url text,
  token int,
  attempt int,
  notice jsonb,
  leased_until timestamptz
)
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
#variable_conflict use_column
declare
  v_now timestamptz := dbkit.clock();
  v_until timestamptz := v_now + make_interval(secs => p_lease_seconds);
  v_candidates bigint[];
begin
  perform dbkit.require_service('claiming notifications');
  perform dbkit._check_page(p_limit);
  if (length(p_worker) between 1 and 200 and p_lease_seconds between 1 and 3600) is not true then
    perform dbkit.raise_error('KD004',
      'a worker''s name has 1 to 200 characters, and a lease 1 to 3600 seconds',
      '{"argument": "p_worker, p_lease_seconds"}');
  end if;
  perform dbkit._drop_homeless_notices(v_now);
  v_candidates := array(
    select d.id
    from (
      select n.id, row_number() over (partition by n.organization_id, n.channel order by n.id) as turn
      from dbkit.alert_notifications n
      where n.status in ('pending', 'leased', 'retry_wait') and n.next_attempt_at <= v_now
        and not exists (
          select from dbkit.alert_notifications b
          where b.alert_id = n.alert_id and b.channel = n.channel and b.id < n.id
            and b.status in ('pending', 'leased', 'retry_wait'))
    ) as d
    where d.turn <= 4
    order by d.turn, d.id
    limit p_limit * 4);
  return query
  with mine as (
    select n.id
    from dbkit.alert_notifications n
    where n.id = any (v_candidates) and n.status in ('pending', 'leased', 'retry_wait')
      and n.next_attempt_at <= v_now
    order by array_position(v_candidates, n.id)
    limit p_limit
    for update skip locked
  ), leased as (
    update dbkit.alert_notifications n
    set status = 'leased', token = n.token + 1, attempts = n.attempts + 1, leased_by = p_worker,
      next_attempt_at = v_until
    from mine
    where n.id = mine.id
    returning n.*
  )
  select l.id, l.organization_id, l.alert_id, l.channel, c.kind, dbkit._alert_channel_url(c), l.token,
    l.attempts,
    l.notice, v_until
  from leased l
  join dbkit.alert_channels c on c.organization_id = l.organization_id and c.name = l.channel
  order by l.id;
end
$$;
comment on function dbkit.claim_alert_notifications(text, int, int) is
  'Leases notices that are due to a worker, at most p_limit (1 to 10000), for p_lease_seconds (1 to 3600).
Commit, then send, then settle_alert_notification with the token; after leased_until somebody else may get
it. url: NULL when the key that sealed it is gone.
Nullable: url.
Needs service_role. Raises KD003, KD004.';
grant execute on function dbkit.claim_alert_notifications(text, int, int) to service_role, super_admin;
