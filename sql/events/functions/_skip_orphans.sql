create or replace function dbkit._skip_orphans(p_organization_ids text[], p_subscription_ids uuid[])
returns void
language plpgsql
volatile
as $$
declare
  v_gone record;
begin
  for v_gone in
    select k.organization_id, k.subscription_id
    from unnest(p_organization_ids, p_subscription_ids) as k (organization_id, subscription_id)
    where not exists (
      select from dbkit.event_delivery_queues q
      where q.organization_id = k.organization_id and q.subscription_id = k.subscription_id)
  loop
    update dbkit.event_delivery_log d
    set status = 'skipped', finished_at = dbkit.clock()
    where d.organization_id = v_gone.organization_id and d.subscription_id = v_gone.subscription_id
      and d.status in ('pending', 'leased', 'retry_wait');
  end loop;
end
$$;
comment on function dbkit._skip_orphans(text[], uuid[]) is
  'Of these subscriptions, those without a queue are deleted: nothing more is sent to them.';
