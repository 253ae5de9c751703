-- The ledger is what counts: where metrics cannot be written, healing goes on.
create or replace function dbkit._log_healing(p_action text, p_details jsonb)
returns void
language plpgsql
volatile
as $$
begin
  perform dbkit._record_metric('auto_heal', jsonb_build_object('action', p_action, 'details', d.value))
  from jsonb_array_elements(p_details) as d;
exception when others then
  raise warning 'healing is not in runtime_metrics: % %', sqlstate, sqlerrm;
end
$$;
comment on function dbkit._log_healing(text, jsonb) is
  'Writes a row of runtime_metrics (auto_heal) {action, details} for each of an array of details.';
