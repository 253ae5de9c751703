create or replace function dbkit._default_fallback(p_new_version text, p_previous_version text)
returns text
language plpgsql
stable
as $$
begin
  return coalesce(
    (
      select older.version
      from dbkit.api_versions new
      join dbkit.api_versions older on older.ordinal < new.ordinal
      where new.version = p_new_version
        and (older.sunset_at is null or older.sunset_at > dbkit.clock())
      order by older.ordinal desc
      limit 1
    ),
    nullif(p_previous_version, p_new_version),
    (
      select version
      from dbkit.api_versions
      where version <> p_new_version and (sunset_at is null or sunset_at > dbkit.clock())
      order by ordinal
      limit 1
    )
  );
end
$$;
comment on function dbkit._default_fallback(text, text) is
  'The version to go back to after a switch: the next older one, else the previous one, else any other.';
