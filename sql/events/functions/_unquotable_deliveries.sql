-- A body that was claimed before a subject in it was forgotten may come back in what an endpoint answers.
-- To read the events takes the subjects' locks, as before queues everywhere: forget_subject waits for what
-- is kept here, or it was there before. Bodies that are made later hold nothing of them; that their answers
-- go as well is simpler than to remember when each was claimed.
create or replace function dbkit._unquotable_deliveries(p_results jsonb)
returns bigint[]
language plpgsql
volatile
as $$
declare
  v_positions bigint[];
begin
  if not exists (select from dbkit.event_protected_fields) then
    return array[]::bigint[];
  end if;
  select array_agg(e.position)
  into v_positions
  from jsonb_to_recordset(p_results) as r (delivery_id bigint, status_code int, error text)
  join dbkit.event_delivery_log d on d.delivery_id = r.delivery_id
  join dbkit.event_store e on e.position = d.position
  where (r.status_code between 200 and 299 and coalesce(r.error, '') = '') is not true
    and e.event_type in (select p.event_type from dbkit.event_protected_fields p)
    and dbkit._unseal_event_data(e.organization_id, e.event_type, e.event_data) is not null;
  if v_positions is null then
    return array[]::bigint[];
  end if;
  return array(
    select d.delivery_id
    from jsonb_to_recordset(p_results) as r (delivery_id bigint)
    join dbkit.event_delivery_log d on d.delivery_id = r.delivery_id
    join dbkit.event_store e on e.position = d.position
    join dbkit.event_protected_fields p on p.event_type = e.event_type
    cross join lateral jsonb_array_elements(p.sealed_fields) as f (path)
    join dbkit.event_subject_keys k on k.organization_id = e.organization_id and k.forgotten_at is not null
      and k.subject = e.event_data #> array(select jsonb_array_elements_text(f.path)) ->> 'subject'
    where e.position = any (v_positions));
end
$$;
comment on function dbkit._unquotable_deliveries(jsonb) is
  'Those of settle_deliveries'' p_results that failed and whose event names somebody who was forgotten: what
their endpoints answered is not kept.';
