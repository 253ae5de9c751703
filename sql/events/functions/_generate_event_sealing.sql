-- A constant array is hashed once, so types that are not in it cost a look-up in memory, and both functions
-- are inlined where they are called. With nothing registered they are what their own files say.
create or replace function dbkit._generate_event_sealing()
returns void
language plpgsql
volatile
as $$
declare
  v_sealed text;
  v_readable text;
  v_seal text := 'p_event_data';
  v_unseal text := 'p_event_data';
begin
  select (array_agg(p.event_type order by p.event_type) filter (where p.retired_at is null))::text,
    array_agg(p.event_type order by p.event_type)::text
  into v_sealed, v_readable
  from dbkit.event_protected_fields p;
  if v_sealed is not null then
    v_seal := format('case when p_event_type = any (%L::text[]) then dbkit._seal_fields(p_organization_id, '
      'p_aggregate_type, p_aggregate_id, p_event_type, p_event_data) else p_event_data end', v_sealed);
  end if;
  if v_readable is not null then
    v_unseal := format('case when p_event_type = any (%L::text[]) then dbkit._unseal_fields('
      'p_organization_id, p_event_type, p_event_data) else p_event_data end', v_readable);
  end if;
  execute format(
    $text$
create or replace function dbkit._seal_event_data(
  p_organization_id text,
  p_aggregate_type text,
  p_aggregate_id text,
  p_event_type text,
  p_event_data jsonb
)
returns jsonb
language sql
volatile
as %L
    $text$, format(E'\nselect %s\n', v_seal));
  execute format(
    $text$
create or replace function dbkit._unseal_event_data(p_organization_id text, p_event_type text,
p_event_data jsonb) returns jsonb
language sql
stable
as %L
    $text$, format(E'\nselect %s\n', v_unseal));
end
$$;
comment on function dbkit._generate_event_sealing() is
  'Writes _seal_event_data and _unseal_event_data from event_protected_fields.';
