-- The types as one literal: a function of one SQL expression is put into the plan of its caller, so
-- record_metric finds a type without reading a table (docs/adr/0002). Other sessions hear of it a moment
-- after they can see new rows: a type that is not in it yet is looked for in the table.
create or replace function dbkit._generate_metric_value_key()
returns void
language plpgsql
volatile
set check_function_bodies = off
as $$
begin
  execute format(
    $text$
create or replace function dbkit._metric_value_key(p_event_type text)
returns text
language sql
immutable
as %L
    $text$, format('select %L::jsonb ->> p_event_type', (
      select coalesce(jsonb_object_agg(t.event_type, coalesce(t.value_key, '')), '{}')
      from dbkit.metric_event_types t)));
  comment on function dbkit._metric_value_key(text) is
    'Generated from metric_event_types by _generate_metric_value_key: the value_key of a type, empty for a
type without one, NULL for no type.';
  revoke all on function dbkit._metric_value_key(text) from public;
end
$$;
comment on function dbkit._generate_metric_value_key() is
  'Writes the function dbkit._metric_value_key from metric_event_types. The caller holds that table''s lock.';
