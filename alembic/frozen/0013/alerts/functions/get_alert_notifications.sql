create or replace function dbkit.get_alert_notifications(
  p_alert_id bigint default null,
  p_status text default null,
  p_limit int default 100,
  p_organization_id text default null
)
returns table (
  id bigint,
  organization_id text,
  alert_id bigint,
  transition text,
  n int,
  channel text,
  status text,
  reason text,
  silence_id bigint,
  attempts int,
  next_attempt_at timestamptz,
  last_error text,
  created_at timestamptz,
  settled_at timestamptz
)
language plpgsql
stable
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
#variable_conflict use_column
declare
  v_organization_id text := dbkit._organization_filter(p_organization_id);
begin
  perform dbkit.require_service('seeing notifications');
  perform dbkit._check_page(p_limit);
  return query
  select n.id, n.organization_id, n.alert_id, n.transition, n.n, n.channel, n.status, n.reason, n.silence_id,
    n.attempts, case when n.status in ('pending', 'leased', 'retry_wait') then n.next_attempt_at end,
      n.last_error,
    n.created_at, n.settled_at
  from dbkit.alert_notifications n
  where (v_organization_id is null or n.organization_id = v_organization_id)
    and (p_alert_id is null or n.alert_id = p_alert_id) and (p_status is null or n.status = p_status)
  order by n.id desc
  limit p_limit;
end
$$;
comment on function dbkit.get_alert_notifications(bigint, text, int, text) is
  'Notices, the newest first: sent, waiting, given up (dead), or suppressed and why (reason: silenced,
acknowledged, no_channel, channel_removed, never_told). p_alert_id, p_status: NULL all. p_limit: 1 to 10000.
p_organization_id: NULL that of the request context, * all.
Nullable: p_alert_id, p_status.
Nullable: reason, silence_id, next_attempt_at, last_error, settled_at.
Needs service_role. Raises KD003, KD004.';
grant execute on function dbkit.get_alert_notifications(bigint, text, int, text) to service_role, super_admin;
