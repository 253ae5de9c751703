create or replace function dbkit.get_metric_event_types()
returns table (
  event_type text,
  description text,
  anon_may boolean,
  series_key text,
  value_key text,
  status_key text
)
language plpgsql
stable
as $$
begin
  perform dbkit.require_service('reading the types of metrics');
  return query
  select t.event_type::text, t.description, t.anon_may, t.series_key::text, t.value_key::text, t.status_key::text
  from dbkit.metric_event_types t
  order by t.event_type;
end
$$;
comment on function dbkit.get_metric_event_types() is
  'The types of events that runtime_metrics takes; see register_metric_event_type.
Nullable: series_key, value_key, status_key.
Needs service_role (KD003).';
grant execute on function dbkit.get_metric_event_types() to service_role, super_admin;
