-- The log holds what clients said: what is no version must not end the watch.
create or replace function dbkit._app_reaches(p_app_version text, p_minimum_key text)
returns boolean
language plpgsql
immutable
as $$
begin
  return p_app_version is null or dbkit.semver_key(p_app_version) >= p_minimum_key collate "C";
exception
  when sqlstate 'KD002' then
    return false;
end
$$;
comment on function dbkit._app_reaches(text, text) is
  'Whether an app version reaches a minimum (as semver key): true for none, false for what is none.';
