create or replace function dbkit.register_projection(
  p_projection text,
  p_reducer text,
  p_event_types text[] default '{*}',
  p_mode text default 'async',
  p_key text default null,
  p_description text default '',
  p_access text default null
)
returns jsonb
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
begin
  perform dbkit.require_super_admin('registering a projection');
  return dbkit._register_projection(p_projection, p_reducer, p_event_types, p_mode, p_key, p_description, p_access);
end
$$;
comment on function dbkit.register_projection(text, text, text[], text, text, text, text) is
  'Registers a read model that is derived from events, or changes it.
p_reducer: schema.function, which takes (jsonb, dbkit.event_store) and returns jsonb: the state of the
event''s row before (NULL: no row) and the event, to its state after (NULL: delete the row). p_key:
schema.function, which takes (dbkit.event_store) and returns text of 1 to 400 characters, the key of the row
within the event''s organization; NULL skips the event; without it the key is aggregate_id. Both get events
in their newest schema version, run with the rights of dbkit''s owner, and must be STABLE or IMMUTABLE: they
cannot write, so to run them again has no side effects.
p_mode: async (run_projection folds, events in order of position), on_demand (as async, and get_projection
and list_projection catch up first), inline (appends fold, in their transaction: what a reducer raises
refuses the append, and writers of one row wait for each other). A row of an inline projection that events
of several streams change gets them in the order in which they lock it: there a reducer must give the same
in any order, as counts and sums do and "the last one" does not.
p_access: organization (every authenticated caller of an organization reads its rows) or service (service_role
only, and functions of a domain); NULL as it is, organization for a new one.
An inline projection over events that are there already is not live until run_projection has caught up (also
when open transactions do not let it in within 2 seconds): call it in a transaction of its own.
To register a name again with another reducer, key or event types begins a rebuild: the old ones go on with
the rows that are read until rebuild_projection has filled the new rows and swapped. After a change inside a
reducer call rebuild_projection. Inline stays inline: unregister first to change that.
Returns {projection text, mode text, is_live boolean, rebuilding boolean}.
Needs super_admin. Raises KD003, KD004 (not READ COMMITTED), KD508.';
grant execute on function dbkit.register_projection(text, text, text[], text, text, text, text)
to super_admin;
