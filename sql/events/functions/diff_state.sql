create or replace function dbkit.diff_state(
  p_aggregate_type text,
  p_aggregate_id text,
  p_from_version bigint,
  p_to_version bigint default null
)
returns table (path text, change text, from_value jsonb, to_value jsonb)
language plpgsql
stable
as $$
declare
  v_organization_id text := dbkit.current_organization();
begin
  if p_from_version is null then
    perform dbkit.raise_error('KD004', 'the version to compare with is needed', '{"argument": "p_from_version"}',
      'Version 0 is the state before the first event.');
  end if;
  return query
    select d.*
    from dbkit._diff_json(
      dbkit._aggregate_state(v_organization_id, p_aggregate_type, p_aggregate_id, p_from_version, null, true) -> 'state',
      dbkit._aggregate_state(v_organization_id, p_aggregate_type, p_aggregate_id, p_to_version, null, true) -> 'state'
    ) as d
    order by d.path collate "C";
end
$$;
comment on function dbkit.diff_state(text, text, bigint, bigint) is
  'In what the state of a stream at p_to_version (NULL: the newest) differs from that at p_from_version (0:
before the first event), which may be the later one. path is a JSON Pointer (RFC 6901) to the smallest part
that differs; change is added, removed or changed; elements of arrays are compared by their place. No row:
no difference.
Raises KD004, KD502, KD509, and what the applier raises.
Nullable: from_value, to_value.';
grant execute on function dbkit.diff_state(text, text, bigint, bigint)
to authenticated, service_role, super_admin;
