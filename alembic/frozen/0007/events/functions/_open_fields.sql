-- Looks at every place that was ever protected: what is registered today may be another list than when
-- the event was stored. Inner fields first, in case one list had a field and a later one its parent.
create or replace function dbkit._open_fields(p_organization_id text, p_event_type text, p_event_data jsonb)
returns jsonb
language plpgsql
stable
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
declare
  v_path text[];
  v_sealed jsonb;
  v_subject text;
  v_key bytea;
  v_opened jsonb := p_event_data;
begin
  for v_path in
    select array(select jsonb_array_elements_text(f.path))
    from dbkit.event_protected_fields p, jsonb_array_elements(p.sealed_fields) as f (path)
    where p.event_type = p_event_type
    order by jsonb_array_length(f.path) desc
  loop
    v_sealed := p_event_data #> v_path;
    if jsonb_typeof(v_sealed -> '$sealed') = 'string' and jsonb_typeof(v_sealed -> 'subject') = 'string' then
      if v_subject is distinct from v_sealed ->> 'subject' then
        v_subject := v_sealed ->> 'subject';
        v_key := dbkit._key_to_read(p_organization_id, v_subject);
      end if;
      v_opened := jsonb_set(v_opened, v_path, case when v_key is null then '{"$forgotten": true}'
        else coalesce(dbkit._open_value(v_key,
          jsonb_build_array(p_organization_id, p_event_type, v_path)::text, v_sealed ->> '$sealed'),
          '{"$tampered": true}') end);
    end if;
  end loop;
  return v_opened;
end
$$;
comment on function dbkit._open_fields(text, text, jsonb) is
  'event_data with what _seal_fields sealed as it was; {"$forgotten": true} where the key is gone, and
{"$tampered": true} where the stored text is not what was sealed there (verify_events reports it).';
grant execute on function dbkit._open_fields(text, text, jsonb) to service_role, super_admin;
