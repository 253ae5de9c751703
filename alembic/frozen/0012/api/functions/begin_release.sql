-- Lock order: the pointer row, then the release's. The pointer's row is locked so that has_pins is true in
-- every session that can see the release.
create or replace function dbkit.begin_release(
  p_version text,
  p_share numeric,
  p_guard text default 'error_rate',
  p_min_samples int default 50,
  p_max_minutes int default 60,
  p_steps numeric[] default '{}',
  p_step_minutes int default 10,
  p_margin numeric default 2,
  p_false_alarm_rate numeric default 0.01,
  p_slow_ms numeric default null
)
returns jsonb
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
declare
  v_guards text[] := array(select distinct trim(g) from unnest(string_to_array(p_guard, ',')) as g order by 1);
  v_now timestamptz := dbkit.clock();
  v_id text := 'rel_' || gen_random_uuid();
  v_pointer dbkit.active_api_version;
  v_slow numeric := p_slow_ms;
  v_nothing double precision[] := (
    select array_fill(0::double precision, array[cardinality(a.old_rates)])
    from dbkit._release_alternatives() as a);
  v_deployment text;
begin
  perform dbkit.require_super_admin('releasing an API version');
  perform dbkit._check_release(p_version, p_share, v_guards, p_min_samples, p_max_minutes, p_steps,
    p_step_minutes, p_margin, p_false_alarm_rate, p_slow_ms);
  select * into v_pointer from dbkit.active_api_version where id = 1 for update;
  if exists (select from dbkit.api_releases where status = 'running') then
    perform dbkit.raise_error('KD116', 'another release is running',
      (select jsonb_build_object('release_id', release_id, 'version', version, 'share', share)
        from dbkit.api_releases where status = 'running'),
      'promote_release or abort_release ends it.');
  elsif v_pointer.current_version = p_version then
    perform dbkit.raise_error('KD115', format('%s is the active version already', p_version),
      jsonb_build_object('argument', 'p_version', 'version', p_version));
  end if;
  perform dbkit._check_switch(p_version, v_pointer.current_version);
  if 'latency' <> all (v_guards) then
    v_slow := null;
  elsif v_slow is null then
    v_slow := dbkit._usual_slow_ms();
    if v_slow is null then
      perform dbkit.raise_error('KD115', 'too few calls are logged to know what is slow',
        '{"argument": "p_slow_ms"}', 'Say p_slow_ms: milliseconds beyond which a call counts as slow.');
    end if;
  end if;
  v_deployment := dbkit._log_api_switch(p_version, jsonb_build_object('action', 'release_begun',
    'release_id', v_id, 'previous_version', v_pointer.current_version, 'share', p_share, 'steps', p_steps,
    'guards', v_guards));
  insert into dbkit.api_releases (release_id, version, previous_version, share, next_shares, guards, slow_ms,
    min_samples, margin, false_alarm_rate, step_minutes, started_at, step_started_at, ends_at, counted_until,
    error_evidence, slow_evidence, begun_by, deployment_id)
  values (v_id, p_version, v_pointer.current_version, p_share, p_steps, v_guards, v_slow,
    p_min_samples, p_margin, p_false_alarm_rate, p_step_minutes, v_now, v_now,
    v_now + make_interval(mins => p_max_minutes), v_now + dbkit._release_seam(),
    v_nothing, v_nothing, dbkit.caller_role(), v_deployment);
  update dbkit.active_api_version set has_pins = true where id = 1;
  perform dbkit._tell_release(v_id, 'begun', null);
  return dbkit.get_release_status(v_id);
end
$$;
comment on function dbkit.begin_release(
  text, numeric, text, int, int, numeric[], int, numeric, numeric, numeric) is
  'Serves a version to p_share per cent of consumers (client_id, else user_id, else organization_id; always
the same ones) who neither name a version nor are pinned, and has evaluate_releases compare them with the
others over the same time, by the request log. A worse version is switched back by itself, a safe one is given
to each of p_steps in turn, at least p_step_minutes each, and then to everybody. p_guard: error_rate (status
500 and above), latency (calls beyond p_slow_ms, by default the 95th percentile of the last 15 minutes), or
error_rate,latency. Nothing is decided before p_min_samples calls of the new version; safe means at most
p_margin percentage points above the old rate with 95 % confidence. After p_max_minutes without that the old
version serves everybody again (inconclusive). A version that is no worse is ever switched back with a chance
of at most p_false_alarm_rate, if calls fail independently; one failing consumer alone never does it. Answers what get_release_status does.
Needs super_admin. Raises KD003, KD102, KD103, KD107, KD115, KD116.
Nullable: p_slow_ms.
Returns {release_id text, version text, previous_version text, status text, verdict text, share double precision, next_shares double precision[], guards text[], started_at timestamptz, ends_at timestamptz, evaluated_at timestamptz?, new {calls bigint, errors bigint, slow bigint}, old {calls bigint, errors bigint, slow bigint}, reason text?}';
grant execute on function dbkit.begin_release(
  text, numeric, text, int, int, numeric[], int, numeric, numeric, numeric) to super_admin;
