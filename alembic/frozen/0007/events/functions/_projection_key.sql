create or replace function dbkit._projection_key(p_key text, p_event dbkit.event_store)
returns text
language plpgsql
stable
as $$
begin
  perform dbkit._raise_not_generated(p_key, p_event);
  return null;
end
$$;
comment on function dbkit._projection_key(text, dbkit.event_store) is
  'Generated from event_projection_checkpoints by _generate_projections: the key that the key function of
that signature gives an event.';
