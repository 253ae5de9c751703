create or replace function dbkit.require_region(p_region text)
returns void
language plpgsql
stable
as $$
begin
  if not dbkit.is_known_region(p_region) then
    perform dbkit.raise_error(
      'KD301',
      case when p_region is null then 'a region is needed'
        else format('there is no region "%s"', left(p_region, 100)) end,
      jsonb_build_object('region', left(p_region, 100),
        'known', (select array_agg(r.id order by r.priority, r.id) from dbkit.regions r)),
      'The table regions lists them; get_region_health() says how they are.');
  end if;
end
$$;
comment on function dbkit.require_region(text) is
  'Raises KD301 unless there is such a region, active or not.';
grant execute on function dbkit.require_region(text)
to anon, authenticated, service_role, super_admin;
