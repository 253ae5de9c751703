-- One event whose upcaster raises, or that is too large, must not stop the webhooks of all others.
create or replace function dbkit._queue_failed_bodies(p_positions bigint[])
returns void
language plpgsql
volatile
as $$
declare
  v_position bigint;
  v_delivery dbkit.event_delivery_log;
begin
  foreach v_position in array p_positions loop
    begin
      perform dbkit._write_webhook_messages(array[v_position]);
    exception when others then
      -- Not the event's fault: deadlocks, no memory, no space, shutting down.
      if sqlstate ~ '^(40|53|55|57|58)' then
        raise;
      end if;
      for v_delivery in
        update dbkit.event_delivery_log d
        set status = 'dead', finished_at = dbkit.clock(), last_error = left(case sqlstate when 'KD526' then '' else 'body: ' end || sqlerrm, 500)
        from dbkit.event_store e
        join dbkit.event_subscriptions s on s.organization_id = e.organization_id or s.all_organizations
        where e.position = v_position and d.organization_id = s.organization_id
          and d.subscription_id = s.subscription_id and d.position = v_position and d.status = 'pending'
        returning d.*
      loop
        perform dbkit._add_delivery_letter(v_delivery, jsonb_build_object('sqlstate', sqlstate));
      end loop;
    end;
  end loop;
end
$$;
comment on function dbkit._queue_failed_bodies(bigint[]) is
  '_write_webhook_messages event by event; deliveries of those that raise are dead.';
