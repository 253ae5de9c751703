create or replace function dbkit._has_event_of(p_organization_id text, p_events jsonb)
returns boolean
language plpgsql
volatile
as $$
begin
  return exists (
    select
    from jsonb_array_elements(p_events) as e
    join dbkit.event_store s
      on s.organization_id = p_organization_id and s.event_id = (e ->> 'event_id')::uuid
  );
end
$$;
comment on function dbkit._has_event_of(text, jsonb) is
  'Whether an event with one of the given ids is stored. VOLATILE: it must see what was committed while
the stream''s lock was waited for.';
