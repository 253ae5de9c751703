-- After the key is gone, so that the events read as forgotten; and before the streams of the subject are.
-- Whoever makes bodies holds the subject's lock, so none is made meanwhile. An endpoint may have answered
-- with what it got, and an upcaster or a consumer may have quoted what it did not like: excerpts of answers
-- and such errors go too. An upcaster that cannot take what is forgotten must not keep anybody from being so.
-- Queues are locked after subjects and before letters, as everywhere.
create or replace function dbkit._forget_webhook_bodies(p_organization_id text, p_subject text)
returns void
language plpgsql
volatile
as $$
declare
  v_letters bigint[];
  v_positions bigint[];
  v_organizations text[];
  v_subscriptions uuid[];
begin
  v_letters := array(
    select l.dead_letter_id
    from dbkit.event_subject_streams s
    join dbkit.event_dead_letters l on l.aggregate_type = s.aggregate_type and l.aggregate_id = s.aggregate_id
    join dbkit.event_store e on e.position = l.position and e.organization_id = s.organization_id
    where s.organization_id = p_organization_id and s.subject = p_subject
    order by l.dead_letter_id);
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
  exception when others then
    if sqlstate ~ '^(40|53|55|57|58)' then
      raise;
    end if;
    v_positions := dbkit._blank_webhook_bodies(p_organization_id, p_subject);
  end;
  v_positions := v_positions || array(
    select l.position from dbkit.event_dead_letters l where l.dead_letter_id = any (v_letters));
  select array_agg(d.organization_id), array_agg(d.subscription_id)
  into v_organizations, v_subscriptions
  from dbkit.event_subscriptions s
  join dbkit.event_delivery_log d on d.organization_id = s.organization_id
    and d.subscription_id = s.subscription_id and d.position = any (v_positions);
  perform dbkit._lock_delivery_queues(v_organizations, v_subscriptions);
  update dbkit.event_delivery_log d
  set last_error = dbkit._without_quotation(d.last_error), failures = (
    select jsonb_agg(f.failure - 'response' order by f.n)
    from jsonb_array_elements(d.failures) with ordinality as f (failure, n))
  from unnest(v_organizations, v_subscriptions) as s (organization_id, subscription_id)
  where d.organization_id = s.organization_id and d.subscription_id = s.subscription_id
    and d.position = any (v_positions) and (d.failures @? '$[*].response' or d.last_error like 'body:%');
  update dbkit.event_dead_letters l
  set reason = case l.source when 'webhook' then dbkit._without_quotation(l.reason) else 'forgotten' end,
    detail = l.detail - 'error'
  where l.dead_letter_id = any (v_letters);
end
$$;
comment on function dbkit._forget_webhook_bodies(text, text) is
  'Makes what webhooks send of a forgotten subject''s events anew, and takes away what endpoints answered and
what was said of events that could not be read or handled.';
