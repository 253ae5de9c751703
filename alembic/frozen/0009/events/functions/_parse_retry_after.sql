-- RFC 9110: a number of seconds, or a date in any of three forms.
create or replace function dbkit._parse_retry_after(p_header text, p_now timestamptz)
returns int
language plpgsql
immutable
as $$
declare
  v_header constant text := btrim(p_header, E' \t');
  v_parts text[];
  v_year int;
begin
  if v_header ~ '^[0-9]+$' and length(v_header) <= 400 then
    return least(v_header::numeric, 86400)::int;
  end if;
  v_parts := coalesce(
    (regexp_match(v_header,
      '^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), (\d\d) ([A-Z][a-z][a-z]) (\d{4}) (\d\d:\d\d:\d\d) GMT$')),
    (regexp_match(v_header,
      '^(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day, (\d\d)-([A-Z][a-z][a-z])-(\d\d) (\d\d:\d\d:\d\d) GMT$')),
    (select array[m[2], m[1], m[4], m[3]]
      from regexp_match(v_header,
        '^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) ([A-Z][a-z][a-z]) ([ \d]\d) (\d\d:\d\d:\d\d) (\d{4})$') as m));
  v_year := v_parts[3]::int;
  if length(v_parts[3]) = 2 then
    -- The century that makes it least far from now, and not more than 50 years in the future.
    v_year := v_year + 100 * ((extract(year from p_now at time zone 'UTC')::int + 50 - v_year) / 100);
  end if;
  return (
    select case when x.seconds > 0 then least(ceil(x.seconds), 86400)::int end
    from (
      select extract(epoch from
        make_timestamp(v_year, (strpos('JanFebMarAprMayJunJulAugSepOctNovDec', v_parts[2]) + 2) / 3,
          v_parts[1]::int, split_part(v_parts[4], ':', 1)::int, split_part(v_parts[4], ':', 2)::int,
          split_part(v_parts[4], ':', 3)::double precision) at time zone 'UTC' - p_now) as seconds
      where v_parts is not null) as x);
exception when datetime_field_overflow then
  return null;
end
$$;
comment on function dbkit._parse_retry_after(text, timestamptz) is
  'Seconds from p_now that a Retry-After header asks for, at most 86400; NULL for garbage, and for a time
that is over.';
