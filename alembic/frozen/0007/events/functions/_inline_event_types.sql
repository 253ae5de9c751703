create or replace function dbkit._inline_event_types()
returns text[]
language sql
immutable
as $$
select '{}'::text[]
$$;
comment on function dbkit._inline_event_types() is
  'Generated from event_projection_definitions by _generate_projections: what live inline projections read;
{*} all.';
