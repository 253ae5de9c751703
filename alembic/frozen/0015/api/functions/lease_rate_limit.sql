-- Rows are locked in the order of their keys, so that gateways which ask for the same ones wait and do not
-- deadlock; short, since nothing else is in the transaction.
create or replace function dbkit.lease_rate_limit(p_leases jsonb)
returns jsonb
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
declare
  v_lease record;
  v_window dbkit.api_rate_windows;
  v_answers jsonb[];
begin
  perform dbkit.require_service('leasing calls of a rate limit');
  if (jsonb_typeof(p_leases) = 'array' and jsonb_array_length(p_leases) between 0 and 1000) is not true
    or exists (select from jsonb_array_elements(p_leases) as e where jsonb_typeof(e) <> 'object')
  then
    perform dbkit.raise_error('KD126', 'p_leases must be a JSON array of at most 1000 objects',
      '{"field": "p_leases"}', 'For example [{"consumer": "key:1", "call": "*", "max_calls": 100, '
      '"window_seconds": 60, "want": 10}].');
  end if;
  v_answers := array_fill(null::jsonb, array[jsonb_array_length(p_leases)]);
  for v_lease in
    select l.*, e.entry, e.n::int as n
    from jsonb_array_elements(p_leases) with ordinality as e (entry, n)
    cross join lateral jsonb_to_record(e.entry) as l (
      consumer text, call text, max_calls int, window_seconds int, want int)
    order by l.consumer collate "C", l.call collate "C", l.window_seconds, e.n
  loop
    perform dbkit._check_rate_limit(v_lease.consumer, v_lease.call, v_lease.max_calls, v_lease.window_seconds);
    if (v_lease.want between 0 and 1000000000) is not true then
      perform dbkit.raise_error('KD126', 'want must be 0 to 1000000000', '{"field": "want"}');
    end if;
    v_window := dbkit._take_rate_tokens(v_lease.consumer, v_lease.call, v_lease.max_calls,
      v_lease.window_seconds, v_lease.want);
    v_answers[v_lease.n] := jsonb_build_object('consumer', v_lease.consumer, 'call', v_lease.call,
      'max_calls', v_lease.max_calls, 'window_seconds', v_lease.window_seconds, 'want', v_lease.want,
      'granted', v_window.granted, 'remaining', greatest(0, v_lease.max_calls - v_window.taken),
      'resets_at', v_window.window_start + make_interval(secs => v_lease.window_seconds),
      'resets_in', round(extract(epoch from v_window.window_start - dbkit.clock()) + v_lease.window_seconds, 3));
  end loop;
  return to_jsonb(v_answers);
end
$$;
comment on function dbkit.lease_rate_limit(jsonb) is
  'Takes calls of the current windows in advance, for gateways: [{consumer, call, max_calls, window_seconds,
want}], call being that of the limit (a name or *). In the order asked for, each comes back with granted (how
many of want), remaining (of the window, for everybody), resets_at, and resets_in (seconds, since the clocks
may differ). All that
is granted in a window is max_calls at most, however many ask; what is not used is lost with the window. At
most 1000 at a time.
Returns {consumer text, call text, max_calls int, window_seconds int, want int, granted int, remaining int, resets_at timestamptz, resets_in numeric}[]
Needs service_role. Raises KD003, KD126.';
grant execute on function dbkit.lease_rate_limit(jsonb) to service_role, super_admin;
