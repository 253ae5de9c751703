create or replace function dbkit._find_silence(
  p_organization_id text,
  p_rule_name text,
  p_severity text,
  p_at timestamptz
)
returns bigint
language plpgsql
stable
as $$
begin
  return (
    select s.id
    from dbkit.alert_silences s
    where s.organization_id = p_organization_id and s.starts_at <= p_at and s.ends_at > p_at
      and (s.severity is null or s.severity = p_severity)
      and p_rule_name like dbkit._like_pattern(s.rule_pattern)
    order by s.ends_at desc, s.id
    limit 1);
end
$$;
comment on function dbkit._find_silence(text, text, text, timestamptz) is
  'The silence that holds for an alert at a time, of several the longest; NULL none.';
