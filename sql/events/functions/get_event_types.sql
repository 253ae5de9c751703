create or replace function dbkit.get_event_types()
returns table (
  event_type text,
  schema_version int,
  is_newest boolean,
  json_schema jsonb,
  description text,
  upcaster text,
  upcasts_to int
)
language plpgsql
stable
as $$
begin
  return query
    select k.event_type, k.schema_version,
      k.schema_version = max(k.schema_version) over (partition by k.event_type), t.json_schema,
      coalesce(t.description, ''), u.upcaster_signature, u.to_version
    from (
      select e.event_type, e.schema_version from dbkit.event_types e
      union
      select e.event_type, unnest(array[e.from_version, e.to_version]) from dbkit.event_upcasters e
    ) as k
    left join dbkit.event_types t on t.event_type = k.event_type and t.schema_version = k.schema_version
    left join dbkit.event_upcasters u on u.event_type = k.event_type and u.from_version = k.schema_version
    order by k.event_type, k.schema_version;
end
$$;
comment on function dbkit.get_event_types() is
  'Each schema version of an event type that is registered or that an upcaster comes from or leads to.
is_newest: what an append without a version counts as. json_schema: NULL where the version takes any object.
upcaster: the function that brings event_data from this version to upcasts_to when it is read.
Nullable: json_schema, upcaster, upcasts_to.';
grant execute on function dbkit.get_event_types() to authenticated, service_role, super_admin;
