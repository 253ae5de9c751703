-- What the payload says is meant, so it must be right; what the context says is a header that any
-- client or proxy sets, so an unknown one is no reason to refuse an order.
create or replace function dbkit._order_region(p_said text)
returns text
language plpgsql
stable
as $$
declare
  v_region text := coalesce(p_said, dbkit.context_value('region'));
begin
  if dbkit.is_known_region(v_region) then
    return v_region;
  elsif p_said is not null then
    perform dbkit.raise_error('KD414', format('there is no region "%s"', left(p_said, 100)),
      jsonb_build_object('field', 'source_region', 'source_region', left(p_said, 100)),
      'get_region_health lists the regions; leave source_region out to take the request''s.');
  end if;
  return null;
end
$$;
comment on function dbkit._order_region(text) is
  'The region for orders.source_region: the payload''s (KD414 when unknown), else the request context''s
when known, else NULL.';
