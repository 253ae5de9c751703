create or replace function dbkit._notice_schedule()
returns int[]
language sql
immutable
as $$
select '{0,10,60,300,900,3600,10800,21600}'::int[]
$$;
comment on function dbkit._notice_schedule() is
  'Seconds before each attempt to send a notice, the first included.';
