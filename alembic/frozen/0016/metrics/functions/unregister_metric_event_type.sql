-- Locks: the types, against a second change of them (nobody who reads them waits).
create or replace function dbkit.unregister_metric_event_type(p_event_type text)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
begin
  perform dbkit.require_super_admin('unregistering a type of metrics');
  if p_event_type = any (array['page_view', 'api_latency', 'error', 'user_action', 'order_event', 'performance',
    'edge_function', 'alert_triggered', 'auto_heal', 'deployment'])
  then
    perform dbkit.raise_error('KD703', format('%s is a type that the package itself needs', p_event_type),
      jsonb_build_object('event_type', p_event_type));
  end if;
  lock table dbkit.metric_event_types in share row exclusive mode;
  delete from dbkit.metric_event_types t where t.event_type = p_event_type;
  if not found then
    perform dbkit._raise_unknown_metric_type(p_event_type);
  end if;
  perform dbkit._generate_metric_value_key();
end
$$;
comment on function dbkit.unregister_metric_event_type(text) is
  'Takes no more events of a registered type. What is stored stays until cleanup_old_metrics, but is not read.
Needs super_admin. Raises KD003, KD702, KD703.';
grant execute on function dbkit.unregister_metric_event_type(text) to super_admin;
