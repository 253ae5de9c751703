-- The receipt may be there already: when an older backup brought the key back. It stays as it is.
create or replace function dbkit._forget_subject(
  p_organization_id text,
  p_subject text,
  p_key bytea,
  p_reason text
)
returns jsonb
language plpgsql
volatile
as $$
declare
  v_hash bytea := dbkit._subject_hash(p_organization_id, p_subject);
  v_now timestamptz := dbkit.clock();
  v_types text[];
  v_events bigint;
  v_streams bigint;
begin
  if p_key is not null then
    select count(*), array_agg(distinct e.event_type)
    into v_events, v_types
    from dbkit.event_subject_streams s
    join dbkit.event_store e on e.organization_id = s.organization_id
      and e.aggregate_type = s.aggregate_type and e.aggregate_id = s.aggregate_id
    join dbkit.event_protected_fields p on p.event_type = e.event_type
    where s.organization_id = p_organization_id and s.subject = p_subject
      and exists (
        select from jsonb_array_elements(p.sealed_fields) as f (path)
        where e.event_data #> array(select jsonb_array_elements_text(f.path)) ? '$sealed'
          and e.event_data #> array(select jsonb_array_elements_text(f.path)) ->> 'subject' = p_subject);
    delete from dbkit.event_snapshots n
    using dbkit.event_subject_streams s
    where s.organization_id = p_organization_id and s.subject = p_subject
      and n.organization_id = s.organization_id and n.aggregate_type = s.aggregate_type
      and n.aggregate_id = s.aggregate_id;
    update dbkit.event_subject_keys k
    set key = null, forgotten_at = v_now
    where k.organization_id = p_organization_id and k.subject = p_subject;
    perform dbkit._forget_subject_errors(p_organization_id, p_subject);
    perform dbkit._forget_webhook_bodies(p_organization_id, p_subject);
    delete from dbkit.event_subject_streams s
    where s.organization_id = p_organization_id and s.subject = p_subject;
    get diagnostics v_streams = row_count;
    insert into dbkit.event_subject_receipts (receipt_id, organization_id, subject_hash, key_hash, events,
      streams, projections, reason, forgotten_at, forgotten_by)
    values (gen_random_uuid(), p_organization_id, v_hash, sha256(p_key), v_events, v_streams,
      array(select d.projection from dbkit.event_projection_definitions d
        where d.event_types && (v_types || '{*}') and v_events > 0 order by 1),
      p_reason, v_now, dbkit.caller_role())
    on conflict (organization_id, subject_hash) do nothing;
  end if;
  return (
    select jsonb_build_object('receipt_id', r.receipt_id, 'subject_hash', encode(r.subject_hash, 'hex'),
      'key_hash', encode(r.key_hash, 'hex'), 'events', r.events, 'streams', r.streams,
      'projections', r.projections, 'forgotten_at', r.forgotten_at, 'replayed', p_key is null)
    from dbkit.event_subject_receipts r
    where r.organization_id = p_organization_id and r.subject_hash = v_hash);
end
$$;
comment on function dbkit._forget_subject(text, text, bytea, text) is
  'The second half of forget_subject, which holds the locks; p_key NULL: it was forgotten before.';
