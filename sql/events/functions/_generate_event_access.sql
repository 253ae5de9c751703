create or replace function dbkit._generate_event_access()
returns void
language plpgsql
volatile
as $$
begin
  perform dbkit._generate_names('_service_aggregate_types', array(
    select t.aggregate_type from dbkit.event_aggregate_types t where t.access = 'service' order by 1));
  perform dbkit._generate_names('_service_projections', array(
    select d.projection from dbkit.event_projection_definitions d where d.access = 'service' order by 1));
end
$$;
comment on function dbkit._generate_event_access() is
  'Writes _service_aggregate_types and _service_projections from what is registered. The caller holds the
registry lock.';
