-- A plan made for the very times is no better, and making it costs more than all the rest: hence the
-- settings.
create or replace function dbkit._metric_counts(
  p_event_type text,
  p_from timestamptz,
  p_to timestamptz,
  p_series text default null,
  p_organization text default null,
  out samples bigint,
  out failures bigint
)
language plpgsql
stable
set plan_cache_mode = force_generic_plan
set jit = off
as $$
declare
  v_type dbkit.metric_event_types;
  v_piece record;
  v_part record;
begin
  select * into v_type from dbkit.metric_event_types t where t.event_type = p_event_type;
  samples := 0;
  failures := 0;
  for v_piece in select * from dbkit._metric_pieces(p_from, p_to) loop
    if v_piece.level > 0 then
      select coalesce(sum(r.samples), 0)::bigint as samples, coalesce(sum(r.failures), 0)::bigint as failures
      into v_part
      from dbkit.metric_rollups r
      where r.level = v_piece.level and r.event_type = p_event_type and r.series = coalesce(p_series, '*')
        and r.bucket >= lower(v_piece.span) and r.bucket < upper(v_piece.span)
        and (p_organization is null or r.organization_id = p_organization);
    else
      select count(*) as samples,
        count(*) filter (where dbkit._metric_value(m.event_data, v_type.status_key) >= 500) as failures
      into v_part
      from dbkit.runtime_metrics m
      where m.event_type = p_event_type
        and m.created_at >= lower(v_piece.span) and m.created_at < upper(v_piece.span)
        and (p_organization is null or m.organization_id = p_organization)
        and (p_series is null or dbkit._metric_series(m.event_data, v_type.series_key) = p_series);
    end if;
    samples := samples + v_part.samples;
    failures := failures + v_part.failures;
  end loop;
end
$$;
comment on function dbkit._metric_counts(text, timestamptz, timestamptz, text, text) is
  'Events of a type in [p_from, p_to), and how many of them failed (status of 500 or above).';
