-- Only one letter of an event may be open: after reset_consumer_group there may be a newer one.
create or replace function dbkit._reopen_group_letter(p_group text, p_position bigint, p_error text)
returns void
language plpgsql
volatile
as $$
begin
  update dbkit.event_dead_letters d
  set status = 'open', resolved_at = null, resolved_by = null, reason = p_error
  where d.dead_letter_id = (
      select max(x.dead_letter_id)
      from dbkit.event_dead_letters x
      where x.source = 'group' and x.source_name = p_group and x.position = p_position
        and x.status = 'requeued')
    and not exists (
      select from dbkit.event_dead_letters x
      where x.source = 'group' and x.source_name = p_group and x.position = p_position
        and x.status = 'open');
  perform dbkit._resolve_group_letters(p_group, array[p_position]);
end
$$;
comment on function dbkit._reopen_group_letter(text, bigint, text) is
  'A requeued dead letter whose event has failed again is open again.';
