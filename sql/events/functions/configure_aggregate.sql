create or replace function dbkit.configure_aggregate(
  p_aggregate_type text,
  p_snapshot_every int default null,
  p_is_chained boolean default null,
  p_access text default null
)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
begin
  perform dbkit.require_super_admin('configuring an aggregate type');
  perform dbkit._configure_aggregate(p_aggregate_type, p_snapshot_every, p_is_chained, p_access);
end
$$;
comment on function dbkit.configure_aggregate(text, int, boolean, text) is
  'Says for an aggregate type that a snapshot is due every p_snapshot_every events (0: never by itself; 100
at first), whether streams that begin from now on carry a chain of hashes (at first not), and who may append to
and read its streams: p_access organization (every authenticated caller of the organization; at first) or
service (service_role only: for a domain with rules of its own, whose functions append and read for their
callers). What is NULL stays as it is, and so does its applier. Needs super_admin. Raises KD003, KD508.
Nullable: p_snapshot_every, p_is_chained, p_access.';
grant execute on function dbkit.configure_aggregate(text, int, boolean, text) to super_admin;
