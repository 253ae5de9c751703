-- The row that one fan-out locks at a time. Without it the very first one would insert it, and a second one
-- would wait for that insert instead of being told that it is busy.
insert into dbkit.event_reader_checkpoints (reader, position, updated_at)
values ('dbkit.webhooks', 0, now())
on conflict do nothing;
-- down
delete from dbkit.event_reader_checkpoints where reader = 'dbkit.webhooks';
