create or replace function dbkit._subject_hash(p_organization_id text, p_subject text)
returns bytea
language plpgsql
immutable
as $$
begin
  return sha256(convert_to(jsonb_build_array(p_organization_id, p_subject)::text, 'UTF8'));
end
$$;
comment on function dbkit._subject_hash(text, text) is
  'sha256 of the JSON array of organization and subject, in UTF-8. Whoever guesses the subject can
compute it: it names nobody, and proves who is meant to those who know the name.';
grant execute on function dbkit._subject_hash(text, text) to service_role, super_admin;
