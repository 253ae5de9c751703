create or replace function dbkit._default_version()
returns text
language plpgsql
stable
as $$
begin
  return (
    select coalesce(
      case when has_pins then coalesce(dbkit._pinned_version(), dbkit._released_version()) end,
      current_version)
    from dbkit.active_api_version
  );
end
$$;
comment on function dbkit._default_version() is
  'The version for a caller who asks for none: the consumer''s pin, else that of a guarded release
whose share the consumer is part of, else the active one.';
grant execute on function dbkit._default_version() to anon, authenticated, service_role, super_admin;
