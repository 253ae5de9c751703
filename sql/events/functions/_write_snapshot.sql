-- Locks, in this order: the registry (shared), because registry and generated functions are seen at
-- different moments by a transaction that runs on while somebody registers; the keys of the subjects in
-- the stream, so that forget_subject, which deletes them first, comes either before the fold, or after
-- the snapshot's commit and then deletes it; the snapshot's row. The fingerprint is taken before the
-- fold and must still hold after it: what another session puts in place of the applier meanwhile never
-- passes for what made the state.
create or replace function dbkit._write_snapshot(
  p_organization_id text,
  p_aggregate_type text,
  p_aggregate_id text
)
returns bigint
language plpgsql
volatile
as $$
declare
  v_version bigint;
  v_last dbkit.event_snapshots;
  v_event_types text[];
  v_fingerprint text;
  v_state jsonb;
begin
  perform pg_advisory_xact_lock_shared(hashtextextended('dbkit.api_registry', 0));
  perform
  from dbkit.event_subject_keys k
  join dbkit.event_subject_streams s on s.organization_id = k.organization_id and s.subject = k.subject
  where s.organization_id = p_organization_id and s.aggregate_type = p_aggregate_type
    and s.aggregate_id = p_aggregate_id
  order by k.subject
  for key share of k;
  v_version := dbkit._target_version(p_organization_id, p_aggregate_type, p_aggregate_id, null, null);
  select * into v_last
  from dbkit.event_snapshots s
  where s.organization_id = p_organization_id and s.aggregate_type = p_aggregate_type
    and s.aggregate_id = p_aggregate_id and s.version <= v_version
  order by s.version desc
  limit 1;
  v_event_types := array(
    select unnest(v_last.event_types)
    union
    select e.event_type
    from dbkit.event_store e
    where e.organization_id = p_organization_id and e.aggregate_type = p_aggregate_type
      and e.aggregate_id = p_aggregate_id and e.version > coalesce(v_last.version, 0) and e.version <= v_version
    order by 1);
  loop
    v_fingerprint := dbkit._state_fingerprint(p_aggregate_type, v_event_types);
    v_state := dbkit._aggregate_state(p_organization_id, p_aggregate_type, p_aggregate_id, v_version, null, true);
    exit when v_fingerprint = dbkit._state_fingerprint(p_aggregate_type, v_event_types);
  end loop;
  if (v_state ->> 'snapshot_version')::bigint = v_version then
    return v_version;
  end if;
  insert into dbkit.event_snapshots as s (organization_id, aggregate_type, aggregate_id, version, position,
    last_event_at, state, event_types, fingerprint, created_at)
  values (p_organization_id, p_aggregate_type, p_aggregate_id, v_version, (v_state ->> 'position')::bigint,
    (v_state ->> 'as_of')::timestamptz, v_state -> 'state', v_event_types, v_fingerprint, dbkit.clock())
  on conflict (organization_id, aggregate_type, aggregate_id, version) do update
  set state = excluded.state, event_types = excluded.event_types, fingerprint = excluded.fingerprint,
    created_at = excluded.created_at
  where s.fingerprint <> excluded.fingerprint;
  if (v_state ->> 'snapshot_version')::bigint is distinct from v_last.version then
    delete from dbkit.event_snapshots s
    where s.organization_id = p_organization_id and s.aggregate_type = p_aggregate_type
      and s.aggregate_id = p_aggregate_id
      and s.fingerprint <> dbkit._state_fingerprint(p_aggregate_type, s.event_types);
  end if;
  return v_version;
end
$$;
comment on function dbkit._write_snapshot(text, text, text) is
  'Writes a snapshot of a stream at its newest version unless a usable one is there, deletes those of the
stream that another applier or upcaster made, and returns the version. Raises KD502, KD509, and what the
applier raises.';
