-- Shared by whoever has seen or written plain text of a subject, until its transaction ends; forget_subject
-- takes it alone. So when a subject is forgotten, no open transaction can still write what it read
-- of them into a snapshot or a projection, or an event with the destroyed key. It is one of 64 locks of an
-- organization, so that reading a long page holds few. Two numbers: the marks of _next_position have one.
create or replace function dbkit._hold_subject(p_organization_id text, p_subject text, p_alone boolean)
returns void
language plpgsql
volatile
as $$
declare
  v_lock constant int := (hashtext(p_organization_id) & ~63) | (hashtext(p_subject) & 63);
begin
  if p_alone then
    perform pg_advisory_xact_lock(1684171371, v_lock);
  else
    perform pg_advisory_xact_lock_shared(1684171371, v_lock);
  end if;
end
$$;
comment on function dbkit._hold_subject(text, text, boolean) is
  'Keeps forget_subject waiting until the transaction ends; p_alone is forget_subject itself.';
