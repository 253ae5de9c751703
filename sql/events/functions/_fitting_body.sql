-- The data of an event has at most 1 MB as it is stored, but 1e131071 is twelve bytes there and 131072 digits
-- in a body. Twice as much is more than any other data can need, and more than most receivers take.
create or replace function dbkit._fitting_body(p_body text, p_position bigint)
returns text
language plpgsql
stable
as $$
begin
  if octet_length(p_body) > 2097152 then
    perform dbkit.raise_error('KD526',
      format('too_large: the body has %s bytes, and 2097152 are the most that is sent', octet_length(p_body)),
      jsonb_build_object('position', p_position, 'bytes', octet_length(p_body), 'limit', 2097152));
  end if;
  return p_body;
end
$$;
comment on function dbkit._fitting_body(text, bigint) is
  'The body of the event at a position, when a webhook may send it. Raises KD526 (too_large).';
