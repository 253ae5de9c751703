create or replace function dbkit._check_subscription(p_subscription dbkit.event_subscriptions)
returns void
language plpgsql
volatile
as $$
declare
  v_problem text := dbkit._subscription_problem(p_subscription);
begin
  if v_problem is not null then
    perform dbkit.raise_error('KD521', v_problem,
      jsonb_build_object('argument', split_part(v_problem, ' ', 1)));
  end if;
end
$$;
comment on function dbkit._check_subscription(dbkit.event_subscriptions) is
  'Raises KD521 unless a subscription is acceptable.';
