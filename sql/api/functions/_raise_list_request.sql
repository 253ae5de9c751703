create or replace function dbkit._raise_list_request(
  p_list text,
  p_field text,
  p_message text,
  p_hint text default null,
  p_detail jsonb default '{}'
)
returns void
language plpgsql
volatile
as $$
begin
  perform dbkit.raise_error('KD140', p_message,
    jsonb_build_object('list', p_list, 'field', p_field) || p_detail, p_hint);
end
$$;
comment on function dbkit._raise_list_request(text, text, text, text, jsonb) is
  'Raises KD140 for a field of a request of page_list; its detail has list, field and what p_detail adds.';
grant execute on function dbkit._raise_list_request(text, text, text, text, jsonb)
to anon, authenticated, service_role, super_admin;
