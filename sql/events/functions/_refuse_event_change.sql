create or replace function dbkit._refuse_event_change()
returns trigger
language plpgsql
as $$
begin
  perform dbkit.raise_error('KD513', format('%s of %s is refused: events are never changed', tg_op, tg_table_name),
    jsonb_build_object('table', tg_table_name, 'operation', tg_op),
    'Append an event that corrects it; forget_subject makes personal data unreadable.');
  return null;
end
$$;
comment on function dbkit._refuse_event_change() is 'Raises KD513; the trigger of tables that only grow.';
