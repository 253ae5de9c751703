create or replace function dbkit.get_workers(p_alive_seconds int default 30)
returns table (
  worker_id uuid,
  host text,
  pid int,
  version text,
  started_at timestamptz,
  beat_at timestamptz,
  is_alive boolean,
  stopping boolean,
  state jsonb
)
language plpgsql
stable
as $$
begin
  if p_alive_seconds between 1 and 86400 is not true then
    perform dbkit.raise_error('KD004', 'p_alive_seconds must be between 1 and 86400',
      jsonb_build_object('argument', 'p_alive_seconds', 'value', p_alive_seconds));
  end if;
  return query
  select w.worker_id, w.host, w.pid, w.version, w.started_at, w.beat_at,
    w.beat_at > dbkit.clock() - make_interval(secs => p_alive_seconds), w.stopping, w.state
  from dbkit.workers w
  order by w.started_at, w.worker_id;
end
$$;
comment on function dbkit.get_workers(int) is
  'The workers of the last day, those that died too. is_alive: it has shown itself within p_alive_seconds.
Needs service_role. Raises KD004.';
grant execute on function dbkit.get_workers(int) to service_role, super_admin;
