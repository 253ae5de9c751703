create or replace function dbkit._raise_unknown_alert_channel(p_name text)
returns void
language plpgsql
volatile
as $$
begin
  perform dbkit.raise_error('KD729', format('there is no alert channel %s', coalesce(quote_literal(p_name),
    'NULL')),
    jsonb_build_object('name', p_name), 'dbkit.get_alert_channels() lists them.');
end
$$;
comment on function dbkit._raise_unknown_alert_channel(text) is 'Raises KD729.';
