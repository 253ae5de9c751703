create or replace function dbkit._release_verdict(p_release dbkit.api_releases)
returns text
language plpgsql
immutable
as $$
declare
  v_limit double precision := ln(cardinality(p_release.guards) / p_release.false_alarm_rate::double precision);
  v_spread boolean := cardinality(p_release.failing_consumers) >= cardinality(p_release.new_consumers);
  v_excess double precision := greatest(
    case when 'error_rate' = any (p_release.guards) then dbkit._release_excess(
      p_release.new_calls, p_release.new_errors, p_release.old_calls, p_release.old_errors) end,
    case when 'latency' = any (p_release.guards) then dbkit._release_excess(
      p_release.new_calls, p_release.new_slow, p_release.old_calls, p_release.old_slow) end);
begin
  return case
    when p_release.all_new_calls < p_release.min_samples then 'inconclusive'
    when v_spread and 'error_rate' = any (p_release.guards)
      and dbkit._release_e_value(p_release.error_evidence) >= v_limit then 'worse'
    when v_spread and 'latency' = any (p_release.guards)
      and dbkit._release_e_value(p_release.slow_evidence) >= v_limit then 'worse'
    when least(p_release.new_calls, p_release.old_calls) >= p_release.min_samples
      and v_excess <= p_release.margin then 'safe'
    else 'inconclusive'
  end;
end
$$;
comment on function dbkit._release_verdict(dbkit.api_releases) is
  'worse, safe or inconclusive, from the counts of a release. Guards share the false-alarm rate;
three consumers must be hit (or all, where there are fewer) to call a version worse.';
