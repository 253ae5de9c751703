create or replace function dbkit._is_of_subject(p_organization_id text, p_subject text, p_position bigint)
returns boolean
language sql
stable
as $$
select exists (
  select
  from dbkit.event_store e
  join dbkit.event_subject_streams s on s.organization_id = e.organization_id
    and s.aggregate_type = e.aggregate_type and s.aggregate_id = e.aggregate_id
  where e.position = p_position and s.organization_id = p_organization_id and s.subject = p_subject)
$$;
comment on function dbkit._is_of_subject(text, text, bigint) is
  'Whether an event (NULL: none) is in a stream that the subject occurs in.';
