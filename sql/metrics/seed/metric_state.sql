insert into dbkit.metric_settings default values on conflict do nothing;
insert into dbkit.metric_rollup_state default values on conflict do nothing;
insert into dbkit.metric_ingest_slots (pool, slot)
select pool, slot
from (values ('anon', 16), ('account', 16), ('sender', 1024)) as p (pool, slots),
  generate_series(0, slots - 1) as slot
on conflict do nothing;
-- down
delete from dbkit.metric_ingest_slots;
delete from dbkit.metric_rollup_state;
delete from dbkit.metric_settings;
