create or replace function dbkit._projection_state(
  p_projections text[],
  out generations text,
  out "position" bigint,
  out event_types text[]
)
language plpgsql
stable
as $$
begin
  select string_agg(d.projection || ' ' || d.live_generation || ' ' || extract(epoch from d.registered_at), ', '
      order by d.projection),
    min(case when d.mode <> 'inline' or not d.is_live then c.position end),
    array(select distinct t
      from dbkit.event_projection_checkpoints x
      join dbkit.event_projection_definitions y on y.projection = x.projection and y.live_generation = x.generation
      cross join unnest(x.event_types) as t
      where x.projection = any (p_projections))
  into generations, position, event_types
  from dbkit.event_projection_definitions d
  join dbkit.event_projection_checkpoints c on c.projection = d.projection and c.generation = d.live_generation
  where d.projection = any (p_projections);
end
$$;
comment on function dbkit._projection_state(text[]) is
  'Of the projections that a query reads: which generations are live, how far the slowest has come (NULL: all
move with the appends), and which event types move them.';
