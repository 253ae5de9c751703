-- A reducer, an upcaster or a consumer may have quoted what it did not like. Which of it is the subject's
-- nobody can tell, so the text goes; where and how often it failed stays. Before the streams of the subject
-- are forgotten; the caller has locked the rows (_lock_subject_errors).
create or replace function dbkit._forget_subject_errors(p_organization_id text, p_subject text)
returns void
language plpgsql
volatile
as $$
begin
  update dbkit.event_consumer_blocked_streams b
  set last_error = 'forgotten'
  from dbkit.event_subject_streams s
  where s.organization_id = p_organization_id and s.subject = p_subject
    and b.organization_id = s.organization_id and b.aggregate_type = s.aggregate_type
    and b.aggregate_id = s.aggregate_id;
  update dbkit.event_consumer_partitions p
  set last_error = 'forgotten'
  where p.failed_position is not null and dbkit._is_of_subject(p_organization_id, p_subject, p.failed_position);
  update dbkit.event_projection_checkpoints c
  set last_error = 'forgotten'
  where c.failed_position is not null and dbkit._is_of_subject(p_organization_id, p_subject, c.failed_position);
end
$$;
comment on function dbkit._forget_subject_errors(text, text) is
  'Takes away what consumers and projections said of events of the subject''s streams.';
