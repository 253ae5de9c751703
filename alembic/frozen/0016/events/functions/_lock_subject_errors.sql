-- Of the rows that _forget_subject_errors writes: who runs a projection or claims events has such a row
-- first and then meets the subject's lock. So here nobody waits, and forget_subject lets its locks go and
-- comes again.
create or replace function dbkit._lock_subject_errors(p_organization_id text, p_subject text)
returns void
language plpgsql
volatile
as $$
begin
  perform
  from dbkit.event_subject_streams s
  join dbkit.event_consumer_blocked_streams b on b.organization_id = s.organization_id
    and b.aggregate_type = s.aggregate_type and b.aggregate_id = s.aggregate_id
  where s.organization_id = p_organization_id and s.subject = p_subject
  for update of b nowait;
  perform
  from dbkit.event_consumer_partitions p
  where p.failed_position is not null and dbkit._is_of_subject(p_organization_id, p_subject, p.failed_position)
  for update of p nowait;
  perform
  from dbkit.event_projection_checkpoints c
  where c.failed_position is not null and dbkit._is_of_subject(p_organization_id, p_subject, c.failed_position)
  for update of c nowait;
end
$$;
comment on function dbkit._lock_subject_errors(text, text) is
  'Locks what says why an event of the subject''s streams failed; raises 55P03 when another has it.';
