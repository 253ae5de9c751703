-- Text that sorts as versions do, so that "this app meets that minimum" is one indexable
-- comparison. Rules: semver.org 2.0.0, paragraphs 2, 9, 10 and 11. A number is its digits behind a
-- letter for how many there are; a release sorts after its pre-releases ('~' is the last ASCII sign).
-- The whole grammar as one regular expression takes 0.1 ms: a release, as nearly every app's version is, is
-- looked at by a short one.
create or replace function dbkit.semver_key(p_version text)
returns text
language plpgsql
immutable
strict
as $$
declare
  v_parts text[] := case
    when translate(p_version, '0123456789', '') <> '..' then regexp_match(p_version,
      '^(0|[1-9][0-9]{0,18})\.(0|[1-9][0-9]{0,18})\.(0|[1-9][0-9]{0,18})'
      || '(?:-((?:0|[1-9][0-9]{0,18}|[0-9]*[A-Za-z-][0-9A-Za-z-]*)'
      || '(?:\.(?:0|[1-9][0-9]{0,18}|[0-9]*[A-Za-z-][0-9A-Za-z-]*))*))?(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?$')
    when p_version !~ '(^|\.)(0[0-9]|\.|$)|[0-9]{20}' then string_to_array(p_version, '.') end;
  v_key text;
  v_part text;
begin
  if v_parts is null or length(p_version) > 100 then
    perform dbkit.raise_error(
      'KD002',
      format('"%s" is not a version', left(p_version, 100)),
      jsonb_build_object('version', left(p_version, 100)),
      'Write MAJOR.MINOR.PATCH, for example 1.4.0 or 2.0.0-rc.1 (semver.org).');
  end if;
  v_key := chr(96 + length(v_parts[1])) || v_parts[1] || chr(96 + length(v_parts[2])) || v_parts[2]
    || chr(96 + length(v_parts[3])) || v_parts[3];
  if v_parts[4] is null then
    return v_key || '~';
  end if;
  foreach v_part in array string_to_array(v_parts[4], '.') loop
    v_key := v_key || '!' || case when v_part ~ '^[0-9]+$'
      then '0' || chr(96 + length(v_part)) || v_part else '1' || v_part end;
  end loop;
  return v_key;
end
$$;
comment on function dbkit.semver_key(text) is
  'Sort key of a semantic version; compare with collate "C". Raises KD002 for anything else.';
grant execute on function dbkit.semver_key(text) to anon, authenticated, service_role, super_admin;
