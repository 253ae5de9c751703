-- pg_get_functiondef reads the catalog as the executor does, so it never tells of a newer text than the
-- one that runs. It leaves out schemas that are in the search path: hence a fixed one. It covers the
-- event types that the stream has, so that an upcaster of one type leaves the snapshots of others
-- valid.
create or replace function dbkit._state_fingerprint(p_aggregate_type text, p_event_types text[])
returns text
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
begin
  return (
    select encode(sha256(convert_to(jsonb_build_array(
      t.applier_signature, t.applier_version, pg_get_functiondef(to_regprocedure(t.applier_signature)),
      (select jsonb_agg(jsonb_build_array(u.event_type, u.from_version, u.to_version, u.upcaster_signature,
          pg_get_functiondef(to_regprocedure(u.upcaster_signature))) order by u.event_type, u.from_version)
        from dbkit.event_upcasters u
        where u.event_type = any (p_event_types)),
      (select jsonb_agg(jsonb_build_array(f.event_type, f.subject_path, f.fields) order by f.event_type)
        from dbkit.event_protected_fields f
        where f.event_type = any (p_event_types)))::text, 'UTF8')), 'hex')
    from dbkit.event_aggregate_types t
    where t.aggregate_type = p_aggregate_type and t.applier_signature is not null);
end
$$;
comment on function dbkit._state_fingerprint(text, text[]) is
  'Hash of all that decides which state the events of these types lead to: applier and upcasters with their
texts, and protected fields. NULL without an applier.';
grant execute on function dbkit._state_fingerprint(text, text[]) to authenticated, service_role, super_admin;
