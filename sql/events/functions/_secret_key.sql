create or replace function dbkit._secret_key(p_organization_id text)
returns bytea
language plpgsql
volatile
as $$
begin
  insert into dbkit.event_secret_keys (organization_id, key, created_at)
  values (p_organization_id, dbkit._new_subject_key(), dbkit.clock())
  on conflict do nothing;
  return (select k.key from dbkit.event_secret_keys k where k.organization_id = p_organization_id);
end
$$;
comment on function dbkit._secret_key(text) is
  'The key for an organization''s secrets, made when there was none.';
