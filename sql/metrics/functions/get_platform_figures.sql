-- Not SECURITY DEFINER: registered functions have the rights of who asks. One that fails hides no other.
create or replace function dbkit.get_platform_figures()
returns table (figure text, labels jsonb, value double precision, help text)
language plpgsql
stable
as $$
declare
  v_one record;
begin
  perform dbkit.require_service('reading figures');
  for v_one in select f.name, to_regprocedure(f.function_signature)::oid::regproc as function from dbkit.metric_figures f order by f.name loop
    begin
      return query execute format('select * from %s()', v_one.function);
      figure := 'figures_failed';
      value := 0;
    exception when others then
      figure := 'figures_failed';
      value := 1;
    end;
    labels := jsonb_build_object('figures', v_one.name);
    help := 'Whether a registered function of figures failed.';
    return next;
  end loop;
end
$$;
comment on function dbkit.get_platform_figures() is
  'The package''s own figures, for Prometheus and others: connections, storage, queues, lags, roll-ups,
partition runway, drops, and what register_platform_figures added. A name that ends in _total only grows
(until events are cleaned up).
Nullable: value.
Needs service_role (KD003).';
grant execute on function dbkit.get_platform_figures() to service_role, super_admin;
