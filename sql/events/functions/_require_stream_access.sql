create or replace function dbkit._require_stream_access(p_aggregate_type text)
returns void
language plpgsql
stable
as $$
begin
  if not dbkit._may_write_stream(p_aggregate_type) then
    perform dbkit.raise_error('KD003', format('streams of the type %s are for service_role', p_aggregate_type),
      jsonb_build_object('required_role', 'service_role', 'caller_role', dbkit.caller_role()),
      'Call the function of the domain that writes them.');
  end if;
end
$$;
comment on function dbkit._require_stream_access(text) is
  'Raises KD003 when configure_aggregate keeps streams of the type for the service and the caller is not.';
