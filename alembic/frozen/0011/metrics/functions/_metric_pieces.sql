-- Where to read a while from: the largest buckets that lie in it as a whole and lack nothing, then smaller
-- ones, and the events themselves for the rest. The minute in which the roll-up stands counts when the
-- while holds all that is rolled of it.
create or replace function dbkit._metric_pieces(p_from timestamptz, p_to timestamptz)
returns table (level int, span tstzrange)
language plpgsql
stable
as $$
declare
  v_state dbkit.metric_rollup_state := (select s from dbkit.metric_rollup_state s);
  v_until timestamptz := least(p_to, v_state.rolled_until);
  v_rest tstzmultirange := tstzmultirange(tstzrange(p_from, p_to));
  v_dirty tstzmultirange;
  v_found tstzmultirange;
  v_step interval;
begin
  if v_until > p_from then
    select range_agg(tstzrange(d.minute, d.minute + interval '1 minute')) into v_dirty
    from dbkit.metric_rollup_dirty d
    where d.minute > p_from - interval '1 minute' and d.minute < v_until;
    foreach level in array array[86400, 3600, 60] loop
      v_step := level * interval '1 second';
      select range_agg(b.span) into v_found
      from unnest(v_rest) as r (span)
      cross join lateral (
        select tstzrange(g, least(g + v_step, v_until)) as span
        from generate_series(
          date_bin(v_step, greatest(lower(r.span), case when level = 60 then v_state.minutes_from end)
            + v_step - interval '1 microsecond', '2000-01-01Z'),
          least(upper(r.span), v_until) - interval '1 microsecond', v_step) as g
        where g + v_step <= least(upper(r.span), v_until)
          or (level = 60 and v_until = v_state.rolled_until)
      ) as b
      where v_dirty is null or not b.span && v_dirty;
      if v_found is not null then
        v_rest := v_rest - v_found;
        return query select level, u.piece from unnest(v_found) as u (piece);
      end if;
    end loop;
  end if;
  return query select 0, u.piece from unnest(v_rest) as u (piece);
end
$$;
comment on function dbkit._metric_pieces(timestamptz, timestamptz) is
  'Level (86400, 3600, 60 seconds; 0: events) and span, from and up to, from which to read a while.';
