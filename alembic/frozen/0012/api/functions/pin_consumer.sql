-- Lock order: registry, pointer. The pointer's row is locked before has_pins is worked out: a guarded release
-- that begins at the same moment would not be seen otherwise.
create or replace function dbkit.pin_consumer(
  p_consumer text,
  p_version text,
  p_reason text default ''
)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
declare
  v_pins boolean;
begin
  perform dbkit.require_super_admin('pinning a consumer');
  if p_consumer is null or length(p_consumer) not between 1 and 200 then
    perform dbkit.raise_error('KD004', 'a consumer is a client_id or organization_id of 1 to 200 characters',
      '{"argument": "p_consumer"}');
  end if;
  perform dbkit._lock_registry();
  perform from dbkit.active_api_version where id = 1 for update;
  if p_version is null then
    delete from dbkit.api_consumers where consumer = p_consumer;
  else
    perform dbkit._require_version(p_version);
    if (select sunset_at <= dbkit.clock() from dbkit.api_versions where version = p_version) then
      perform dbkit.raise_error('KD103', format('%s has been sunset', p_version),
        jsonb_build_object('version', p_version), 'Pin to a version that is not sunset.');
    end if;
    insert into dbkit.api_consumers (consumer, pinned_version, reason, pinned_by, pinned_at)
    values (p_consumer, p_version, coalesce(p_reason, ''), dbkit.caller_role(), dbkit.clock())
    on conflict (consumer) do update
    set pinned_version = excluded.pinned_version, reason = excluded.reason,
      pinned_by = excluded.pinned_by, pinned_at = excluded.pinned_at;
  end if;
  v_pins := exists (select from dbkit.api_consumers)
    or exists (select from dbkit.api_releases where status = 'running');
  update dbkit.active_api_version set has_pins = v_pins where id = 1 and has_pins <> v_pins;
end
$$;
comment on function dbkit.pin_consumer(text, text, text) is
  'Holds a consumer (client_id, or organization_id) at a version through every switch; NULL frees it. A
version that the client itself asks for is still stronger. Needs super_admin.
Raises KD003, KD004, KD102, KD103.
Nullable: p_version.';
grant execute on function dbkit.pin_consumer(text, text, text) to super_admin;
