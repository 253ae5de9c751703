-- Lock order: pointer, release.
create or replace function dbkit._running_release(p_release_id text)
returns dbkit.api_releases
language plpgsql
volatile
as $$
declare
  v_release dbkit.api_releases;
begin
  perform from dbkit.active_api_version where id = 1 for update;
  select * into v_release
  from dbkit.api_releases
  where status = 'running' and (p_release_id is null or release_id = p_release_id)
  for update;
  if not found then
    perform dbkit.raise_error('KD117', 'no such release is running',
      jsonb_build_object('release_id', left(p_release_id, 100)),
      'get_release_status() tells how the last one ended.');
  end if;
  return v_release;
end
$$;
comment on function dbkit._running_release(text) is
  'The running release (that one, if an id is given), locked; raises KD117 when there is none.';
