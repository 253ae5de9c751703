create or replace function dbkit.get_projection(p_projection text, p_key text)
returns jsonb
language plpgsql
volatile
as $$
begin
  return dbkit._read_projection(dbkit.current_organization(), p_projection, p_key);
end
$$;
comment on function dbkit.get_projection(text, text) is
  'State of one row of a projection in the caller''s organization; NULL when there is none. inline: as of
now; on_demand: brought up to all that was committed first (that writes, so on the primary in READ
COMMITTED, and readers of one projection may wait for each other); async: as of its last run
(get_projection_status).
Raises KD510, KD512 (an inline one that is not live yet; an on_demand one that an event stops, or that is
more than 100000 positions behind), KD507 (on_demand, not READ COMMITTED or a replica).
Nullable: result.';
grant execute on function dbkit.get_projection(text, text) to authenticated, service_role, super_admin;
