-- After the key is gone, so that the events read as forgotten; and before the streams of the subject are.
-- Whoever makes bodies holds the subject's lock, so none is made meanwhile. An endpoint may have answered
-- with what it got: excerpts of answers go too. Queues are locked after subjects, as everywhere.
create or replace function dbkit._forget_webhook_bodies(p_organization_id text, p_subject text)
returns void
language plpgsql
volatile
as $$
declare
  v_positions bigint[];
  v_organizations text[];
  v_subscriptions uuid[];
begin
  with rewritten as (
    update dbkit.event_webhook_messages m
    set body = dbkit._webhook_body(row(e.*)::dbkit.event_store)
    from dbkit.event_subject_streams s
    join dbkit.events e on e.organization_id = s.organization_id and e.aggregate_type = s.aggregate_type
      and e.aggregate_id = s.aggregate_id
    where s.organization_id = p_organization_id and s.subject = p_subject
      and m.organization_id = e.organization_id
      and m.webhook_id = 'msg_' || replace(e.event_id::text, '-', '')
    returning m.position
  )
  select array_agg(r.position)
  into v_positions
  from rewritten r;
  if v_positions is null then
    return;
  end if;
  select array_agg(d.organization_id), array_agg(d.subscription_id)
  into v_organizations, v_subscriptions
  from dbkit.event_subscriptions s
  join dbkit.event_delivery_log d on d.organization_id = s.organization_id
    and d.subscription_id = s.subscription_id and d.position = any (v_positions);
  perform dbkit._lock_delivery_queues(v_organizations, v_subscriptions);
  update dbkit.event_delivery_log d
  set failures = (
    select jsonb_agg(f.failure - 'response' order by f.n)
    from jsonb_array_elements(d.failures) with ordinality as f (failure, n))
  from unnest(v_organizations, v_subscriptions) as s (organization_id, subscription_id)
  where d.organization_id = s.organization_id and d.subscription_id = s.subscription_id
    and d.position = any (v_positions) and d.failures @? '$[*].response';
end
$$;
comment on function dbkit._forget_webhook_bodies(text, text) is
  'Makes what webhooks send of a forgotten subject''s events anew, and takes away what endpoints answered.';
