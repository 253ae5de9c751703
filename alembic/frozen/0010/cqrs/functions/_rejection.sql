create or replace function dbkit._rejection(p_sqlstate text, p_message text, p_detail text, p_hint text)
returns jsonb
language plpgsql
immutable
as $$
declare
  v_detail jsonb;
begin
  begin
    v_detail := nullif(p_detail, '')::jsonb;
  exception when others then
    v_detail := to_jsonb(p_detail);
  end;
  return jsonb_build_object('sqlstate', p_sqlstate, 'message', left(p_message, 2000), 'detail', v_detail,
    'hint', nullif(p_hint, ''));
end
$$;
comment on function dbkit._rejection(text, text, text, text) is
  'An error as it is kept: its detail as JSON, if it is that, else as text.';
grant execute on function dbkit._rejection(text, text, text, text)
to anon, authenticated, service_role, super_admin;
