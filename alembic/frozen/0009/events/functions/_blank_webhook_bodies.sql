create or replace function dbkit._blank_webhook_bodies(p_organization_id text, p_subject text)
returns bigint[]
language plpgsql
volatile
as $$
declare
  v_positions bigint[];
begin
  with blanked as (
    update dbkit.event_webhook_messages m
    set body = json_build_object('type', m.event_type, 'data', json '{"$forgotten": true}')::text
    from dbkit.event_subject_streams s
    where s.organization_id = p_organization_id and s.subject = p_subject
      and m.organization_id = s.organization_id and m.aggregate_type = s.aggregate_type
      and m.aggregate_id = s.aggregate_id and m.position is not null
    returning m.position
  )
  select array_agg(b.position)
  into v_positions
  from blanked b;
  return v_positions;
end
$$;
comment on function dbkit._blank_webhook_bodies(text, text) is
  'Leaves of what webhooks send of a subject''s streams only the types of the events, where they cannot be
read any more: an upcaster raises. Their positions.';
