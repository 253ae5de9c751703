-- A start, not a truth: no conflict target, so a region that an operator changed stays as it is,
-- and another primary stays the primary.
insert into dbkit.regions (id, name, is_primary, is_read_replica, priority, display_group, timezone)
values
  ('us-east-1', 'US East', true, false, 10, 'Americas', 'America/New_York'),
  ('us-west-2', 'US West', false, true, 20, 'Americas', 'America/Los_Angeles'),
  ('eu-west-1', 'Europe', false, true, 30, 'Europe', 'Europe/Dublin'),
  ('ap-southeast-1', 'Asia Pacific', false, true, 40, 'Asia Pacific', 'Asia/Singapore')
on conflict do nothing;
-- down
-- The rows go with their table; until then clients and logs may refer to them.
select 1;
