create or replace function dbkit.is_known_region(p_region text)
returns boolean
language plpgsql
stable
as $$
begin
  return exists (select from dbkit.regions r where r.id = p_region);
end
$$;
comment on function dbkit.is_known_region(text) is
  'Whether there is such a region, active or not; false for NULL.
Nullable: p_region.';
grant execute on function dbkit.is_known_region(text)
to anon, authenticated, service_role, super_admin;
