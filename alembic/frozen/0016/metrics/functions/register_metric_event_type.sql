-- Locks: the types, against a second change of them (nobody who reads them waits).
create or replace function dbkit.register_metric_event_type(
  p_event_type text,
  p_description text default '',
  p_anon_may boolean default false,
  p_series_key text default null,
  p_value_key text default null,
  p_status_key text default null
)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
begin
  perform dbkit.require_super_admin('registering a type of metrics');
  if (p_event_type ~ '^[a-z][a-z0-9_]{0,62}$' and length(coalesce(p_description, '')) <= 500
    and length(coalesce(p_series_key, 'x')) between 1 and 63 and length(coalesce(p_value_key, 'x')) between 1 and 63
    and length(coalesce(p_status_key, 'x')) between 1 and 63) is not true
  then
    perform dbkit.raise_error('KD703', 'the type of metrics cannot be registered',
      jsonb_build_object('event_type', left(p_event_type, 100)),
      'Its name is snake case of at most 63 characters, a key has 1 to 63, the description at most 500.');
  end if;
  lock table dbkit.metric_event_types in share row exclusive mode;
  insert into dbkit.metric_event_types as t (event_type, description, anon_may, series_key, value_key, status_key)
  values (p_event_type, coalesce(p_description, ''), coalesce(p_anon_may, false), p_series_key, p_value_key,
    p_status_key)
  on conflict (event_type) do update
  set description = excluded.description, anon_may = excluded.anon_may, series_key = excluded.series_key,
    value_key = excluded.value_key, status_key = excluded.status_key;
  perform dbkit._generate_metric_value_key();
end
$$;
comment on function dbkit.register_metric_event_type(text, text, boolean, text, text, text) is
  'Lets runtime_metrics take events of a type, or changes it from now on (what is rolled up stays as it is).
p_anon_may: clients may send it. p_series_key: key of event_data that tells series apart; p_value_key: its
number, of which percentiles are kept; p_status_key: an HTTP status, of which 500 and above is a failure.
Nullable: p_series_key, p_value_key, p_status_key.
Needs super_admin. Raises KD003, KD703.';
grant execute on function dbkit.register_metric_event_type(text, text, boolean, text, text, text)
to super_admin;
