-- Not signed, and it need not be: a cursor only says where to go on, the filter comes from the payload and
-- row level security decides what is seen, so a forged one shows nothing that a caller could not list
-- anyway. It is still checked field by field, and is good for the list it was made for only.
create or replace function dbkit._read_order_cursor(
  p_cursor text,
  p_filter text,
  out created_at timestamptz,
  out id bigint
)
language plpgsql
immutable
as $$
declare
  v_parts jsonb;
  v_at bigint;
begin
  if p_cursor is null then
    return;
  end if;
  begin
    if length(p_cursor) > 300 or p_cursor !~ '^[A-Za-z0-9_-]+$' then
      raise data_exception;
    end if;
    v_parts := convert_from(
      decode(
        translate(p_cursor, '-_', '+/') || repeat('=', (4 - length(p_cursor) % 4) % 4), 'base64'),
      'UTF8')::jsonb;
    if jsonb_typeof(v_parts) <> 'object'
      or v_parts - '{f,t,i}'::text[] <> '{}'
      or jsonb_typeof(v_parts -> 'f') is distinct from 'string'
      or jsonb_typeof(v_parts -> 't') is distinct from 'number'
      or jsonb_typeof(v_parts -> 'i') is distinct from 'number'
      or v_parts ->> 't' !~ '^[0-9]{1,16}$'
      or v_parts ->> 'i' !~ '^[0-9]{1,19}$'
    then
      raise data_exception;
    end if;
    v_at := (v_parts ->> 't')::bigint;
    created_at := timestamptz 'epoch' + v_at / 1000000 * interval '1 second'
      + v_at % 1000000 * interval '1 microsecond';
    id := (v_parts ->> 'i')::bigint;
  exception
    when data_exception then
      perform dbkit.raise_error('KD413', 'the cursor is malformed', '{"field": "cursor"}',
        'Pass next_cursor of the page before as it was, or none for the first page.');
  end;
  if v_parts ->> 'f' <> p_filter then
    perform dbkit.raise_error('KD413', 'the cursor was made for another list', '{"field": "cursor"}',
      'Keep caller, store_id and status the same from page to page, or start without a cursor.');
  end if;
end
$$;
comment on function dbkit._read_order_cursor(text, text) is
  'Where a cursor of _write_order_cursor points; NULLs for none. Raises KD413 when it is malformed or its
filter is not p_filter.';
grant execute on function dbkit._read_order_cursor(text, text)
to authenticated, service_role, super_admin;
