-- No initial state, so that the first step is known and the fold can go on from a snapshot.
create or replace aggregate dbkit._fold_events (p_start jsonb, p_event dbkit.event_store)(
  sfunc = dbkit._fold_event,
  stype = jsonb
);
comment on aggregate dbkit._fold_events (jsonb, dbkit.event_store) is
  'The state that stored events (rows of event_store, fed in the order of their versions) lead to from
p_start; NULL without an event. Raises KD508 (an applier or upcaster returned NULL), KD509, and what an
applier raises.';
grant execute on function dbkit._fold_events(jsonb, dbkit.event_store)
to authenticated, service_role, super_admin;
