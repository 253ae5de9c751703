-- Whether the host may be called at all is not for SQL to say: names resolve to other addresses later. The
-- worker refuses private ones when it connects.
create or replace function dbkit._subscription_problem(p_subscription dbkit.event_subscriptions)
returns text
language plpgsql
immutable
as $$
declare
  v_host_and_port constant text := coalesce(substring(p_subscription.url
    from '^[Hh][Tt][Tt][Pp][Ss]?://('
      '(?:\[[0-9A-Fa-f:.]+\]|[^][[:space:][:cntrl:]/?#@:\\%"<>^`{|}]+)(?::[0-9]{1,5})?)'
      '(?:[/?][^[:space:][:cntrl:]#\\]*)?$'),
    '');
begin
  return case
    when length(p_subscription.url) <= 2000 is not true or v_host_and_port = ''
      or coalesce(substring(v_host_and_port from ':([0-9]+)$'), '80')::int not between 1 and 65535
      then 'p_url must be http or https with a host, without user, password and fragment, up to 2000'
        ' characters'
    when length(p_subscription.description) <= 1000 is not true
      then 'p_description must have at most 1000 characters'
    when (cardinality(p_subscription.event_types) between 1 and 100) is not true
      or array_ndims(p_subscription.event_types) > 1
      or exists (select from unnest(p_subscription.event_types) as t (pattern)
        where (length(t.pattern) between 1 and 200) is not true)
      then 'p_event_types must be 1 to 100 patterns of 1 to 200 characters'
    when cardinality(p_subscription.aggregate_types) > 100 or array_ndims(p_subscription.aggregate_types) > 1
      or array_position(p_subscription.aggregate_types, null) is not null
      then 'p_aggregate_types must be at most 100 names'
    when cardinality(p_subscription.aggregate_ids) > 1000 or array_ndims(p_subscription.aggregate_ids) > 1
      or array_position(p_subscription.aggregate_ids, null) is not null
      then 'p_aggregate_ids must be at most 1000 ids'
    when (cardinality(p_subscription.retry_schedule) between 1 and 30) is not true
      or array_ndims(p_subscription.retry_schedule) > 1 or array_lower(p_subscription.retry_schedule, 1) <> 1
      or array_position(p_subscription.retry_schedule, null) is not null
      or not 604800 >= all (p_subscription.retry_schedule) or not 0 <= all (p_subscription.retry_schedule)
      then 'p_retry_schedule must be 1 to 30 numbers of seconds, each 0 to 604800'
    when (p_subscription.timeout_seconds between 1 and 30) is not true
      then 'p_timeout_seconds must be 1 to 30'
    when (p_subscription.max_in_flight between 1 and 100) is not true
      then 'p_max_in_flight must be 1 to 100'
    when (p_subscription.disable_after_hours between 1 and 8760) is not true
      then 'p_disable_after_hours must be 1 to 8760'
    when p_subscription.all_organizations is null or p_subscription.is_ordered is null
      then 'p_is_ordered and p_all_organizations must be true or false'
    else dbkit._headers_problem(p_subscription.headers)
  end;
end
$$;
comment on function dbkit._subscription_problem(dbkit.event_subscriptions) is
  'What is wrong with a subscription, beginning with the argument''s name; NULL when nothing is.';
