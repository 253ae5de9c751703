-- Waits for nobody: see the table.
create or replace function dbkit._count_metric_drops(p_reasons jsonb)
returns void
language plpgsql
volatile
as $$
declare
  v_hour timestamptz := date_bin('1 hour', dbkit.clock(), '2000-01-01Z');
  v_reason text;
  v_dropped bigint;
  v_id bigint;
begin
  for v_reason, v_dropped in select k, v::bigint from jsonb_each_text(p_reasons) as r (k, v) order by k loop
    select d.id into v_id
    from dbkit.metric_drops d
    where d.hour = v_hour and d.reason = v_reason
    limit 1
    for update skip locked;
    if found then
      update dbkit.metric_drops d set dropped = d.dropped + v_dropped where d.id = v_id;
    else
      insert into dbkit.metric_drops (hour, reason, dropped) values (v_hour, v_reason, v_dropped);
    end if;
  end loop;
end
$$;
comment on function dbkit._count_metric_drops(jsonb) is 'Adds {reason: number, …} to metric_drops.';
