create or replace function dbkit._find_subscription(p_subscription_id uuid)
returns dbkit.event_subscriptions
language plpgsql
stable
as $$
declare
  v_found dbkit.event_subscriptions;
begin
  select s.*
  into v_found
  from dbkit.event_subscriptions s
  where s.organization_id = dbkit.current_organization() and s.subscription_id = p_subscription_id
    and s.status <> 'deleted';
  if not found then
    perform dbkit.raise_error('KD520',
      format('the organization %s has no subscription %s', dbkit.current_organization(), p_subscription_id),
      jsonb_build_object('subscription_id', p_subscription_id),
      'They are found in the organization of the request context; get_subscriptions(''*'') has all.');
  end if;
  return v_found;
end
$$;
comment on function dbkit._find_subscription(uuid) is
  'A subscription of the caller''s organization. Raises KD520.';
