-- A plan made for the very times is no better, and making it costs more than all the rest: hence the
-- settings.
create or replace function dbkit._metric_parts(
  p_event_type text,
  p_from timestamptz,
  p_to timestamptz,
  p_series text default null,
  p_organization text default null
)
returns setof dbkit.metric_rollups
language plpgsql
stable
set plan_cache_mode = force_generic_plan
set jit = off
as $$
declare
  v_piece record;
begin
  for v_piece in select * from dbkit._metric_pieces(p_from, p_to) loop
    if v_piece.level = 0 then
      return query select *
      from dbkit._aggregate_metrics(86400, p_event_type, lower(v_piece.span), upper(v_piece.span), p_series,
        p_organization) as a
      where p_series is not null or a.series <> '*';
    elsif p_series is null then
      return query select *
      from dbkit.metric_rollups r
      where r.level = v_piece.level and r.event_type = p_event_type
        and r.bucket >= lower(v_piece.span) and r.bucket < upper(v_piece.span)
        and r.series <> '*' and (p_organization is null or r.organization_id = p_organization);
    else
      return query select *
      from dbkit.metric_rollups r
      where r.level = v_piece.level and r.event_type = p_event_type and r.series = p_series
        and r.bucket >= lower(v_piece.span) and r.bucket < upper(v_piece.span)
        and (p_organization is null or r.organization_id = p_organization);
    end if;
  end loop;
end
$$;
comment on function dbkit._metric_parts(text, timestamptz, timestamptz, text, text) is
  'What is to be added up for a type in [p_from, p_to): roll-ups where there are, the rest from the events.
p_series: NULL for each series, * for all as one, or one of them.';
