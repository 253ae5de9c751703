create or replace function dbkit.create_silence(
  p_rule_pattern text,
  p_minutes int,
  p_reason text,
  p_severity text default null,
  p_starts_at timestamptz default null
)
returns bigint
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
declare
  v_starts_at timestamptz := coalesce(p_starts_at, dbkit.clock());
  v_id bigint;
begin
  perform dbkit.require_service('silencing alerts');
  if (length(p_rule_pattern) between 1 and 100 and p_minutes between 1 and 43200
    and length(p_reason) between 1 and 500
    and isfinite(v_starts_at) and v_starts_at between dbkit.clock() - interval '1 day'
      and dbkit.clock() + interval '1 year') is not true
    or p_severity not in ('info', 'warning', 'critical')
  then
    perform dbkit.raise_error('KD728', 'a silence has a pattern of 1 to 100 characters, 1 to 43200 minutes, '
      'a reason '
      'of 1 to 500 characters, begins at most a day ago and within a year, and is for info, warning, '
      'critical or all',
      '{}', 'The pattern is of rules'' names: * for any run of characters, * alone for all.');
  end if;
  insert into dbkit.alert_silences (organization_id, rule_pattern, severity, starts_at, ends_at, reason,
    created_at,
    created_by)
  values (dbkit.current_organization(), p_rule_pattern, p_severity, v_starts_at,
    v_starts_at + make_interval(mins => p_minutes), p_reason, dbkit.clock(),
    coalesce(dbkit.context_value('user_id'), dbkit.caller_role()))
  returning id into v_id;
  return v_id;
end
$$;
comment on function dbkit.create_silence(text, int, text, text, timestamptz) is
  'For p_minutes (1 to 43200), alerts of the caller''s organization whose rule''s name is like the pattern (*
for any run of characters) are not told; they open and close all the same, and what is still open then is
told.
p_severity: only these, NULL all. p_starts_at: NULL now. Returns its id.
Nullable: p_severity, p_starts_at.
Needs service_role. Raises KD003, KD728.';
grant execute on function dbkit.create_silence(text, int, text, text, timestamptz)
to service_role, super_admin;
