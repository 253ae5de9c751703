-- Appends read no registry: what they have to do is written into functions. That is also right for a
-- transaction whose snapshot is older than a registration: it sees the newest function, where it would
-- see an old row. The plain arithmetic is in the expression, so 99 of 100 appends call nothing.
create or replace function dbkit._generate_after_append()
returns void
language plpgsql
volatile
as $$
declare
  v_event_types text[];
  v_cases text := '';
begin
  select coalesce(array_agg(distinct t.event_type order by t.event_type), '{}')
  into v_event_types
  from dbkit.event_projection_definitions d
  join dbkit.event_projection_checkpoints c on c.projection = d.projection and c.generation = d.live_generation
  cross join unnest(c.event_types) as t (event_type)
  where d.mode = 'inline' and d.is_live;
  if '*' = any (v_event_types) then
    v_cases := format(' when true then dbkit._after_append_hooks(%s)',
      'p_organization_id, p_aggregate_type, p_aggregate_id, p_event_type, p_first_version, p_last_version');
  else
    if cardinality(v_event_types) > 0 then
      v_cases := format(' when p_event_type is null or p_event_type = any (%L::text[])', v_event_types);
    end if;
    select v_cases || coalesce(string_agg(format(
      '%s p_last_version / %s > (p_first_version - 1) / %s and p_aggregate_type = any (%L::text[])',
      case when v_cases = '' and t.nth = 1 then ' when' else ' or' end,
      t.snapshot_every, t.snapshot_every, t.aggregate_types), '' order by t.nth), '')
    into v_cases
    from (
      select a.snapshot_every, array_agg(a.aggregate_type order by a.aggregate_type) as aggregate_types,
        row_number() over (order by a.snapshot_every) as nth
      from dbkit.event_aggregate_types a
      where a.applier_signature is not null and a.snapshot_every > 0
      group by a.snapshot_every
    ) t;
    if v_cases <> '' then
      v_cases := v_cases || ' then dbkit._after_append_hooks(p_organization_id, p_aggregate_type, '
        'p_aggregate_id, p_event_type, p_first_version, p_last_version)';
    end if;
  end if;
  execute format(
    $text$
create or replace function dbkit._after_append(
  p_organization_id text,
  p_aggregate_type text,
  p_aggregate_id text,
  p_event_type text,
  p_first_version bigint,
  p_last_version bigint
)
returns boolean
language sql
volatile
as %L
    $text$, case when v_cases = '' then E'\nselect false\n'
      else format(E'\nselect case%s else false end\n', v_cases) end);
  execute format(
    $text$
create or replace function dbkit._inline_event_types()
returns text[]
language sql
immutable
as %L
    $text$, format(E'\nselect %L::text[]\n', v_event_types));
  perform dbkit._generate_projections();
end
$$;
comment on function dbkit._generate_after_append() is
  'Writes what appends do for snapshots and inline projections, and all that calls reducers. The caller
holds the lock of _lock_registry.';
