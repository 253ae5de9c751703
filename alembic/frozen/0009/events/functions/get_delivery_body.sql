create or replace function dbkit.get_delivery_body(p_delivery_id bigint)
returns text
language plpgsql
stable
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
declare
  v_body text;
begin
  perform dbkit.require_service('seeing what a delivery sends');
  select m.body
  into v_body
  from dbkit.event_delivery_log d
  left join dbkit.event_webhook_messages m on m.organization_id = d.event_organization_id
    and m.webhook_id = d.webhook_id
  where d.delivery_id = p_delivery_id and d.organization_id = dbkit.current_organization();
  if not found then
    perform dbkit.raise_error('KD523', format('the organization %s has no delivery %s',
      dbkit.current_organization(), p_delivery_id), jsonb_build_object('delivery_id', p_delivery_id));
  end if;
  return v_body;
end
$$;
comment on function dbkit.get_delivery_body(bigint) is
  'The exact bytes that a delivery of the caller''s organization sends; NULL where none could be made (an
upcaster raised).
Needs service_role. Raises KD003, KD523.';
grant execute on function dbkit.get_delivery_body(bigint) to service_role, super_admin;
