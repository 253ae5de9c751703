create or replace function dbkit._check_alert_channel(p_name text, p_kind text, p_url text)
returns void
language plpgsql
volatile
as $$
declare
  v_problem text := case
    when (p_name ~ '^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$') is not true
      then 'the name must be 1 to 63 letters, digits, -, _ and ., the first a letter or digit'
    when (p_kind in ('email', 'slack', 'sms', 'other')) is not true
      then 'the kind must be email, slack, sms or other'
    when (p_url ~ '^[A-Za-z][A-Za-z0-9+.-]{0,30}://[^[:cntrl:]]+$' and length(p_url) <= 2000) is not true
      then 'the URL must be one of Apprise, such as mailtos://user:password@example.org, at most 2000 '
        'characters'
  end;
begin
  if v_problem is not null then
    -- Not the URL: it has secrets, and errors are logged.
    perform dbkit.raise_error('KD730', v_problem, jsonb_build_object('name', p_name, 'kind', p_kind),
      'appriseit.com lists what its URLs look like.');
  end if;
end
$$;
comment on function dbkit._check_alert_channel(text, text, text) is 'Raises KD730.';
