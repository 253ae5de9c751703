create or replace function dbkit._seal_fields(
  p_organization_id text,
  p_aggregate_type text,
  p_aggregate_id text,
  p_event_type text,
  p_event_data jsonb
)
returns jsonb
language plpgsql
volatile
as $$
declare
  v_protected dbkit.event_protected_fields;
  v_subject text;
  v_key bytea;
  v_path text[];
  v_sealed jsonb := p_event_data;
begin
  select * into v_protected from dbkit.event_protected_fields p where p.event_type = p_event_type;
  v_subject := p_event_data #>> v_protected.subject_path;
  if (jsonb_typeof(p_event_data #> v_protected.subject_path) in ('string', 'number')
    and length(v_subject) between 1 and 200) is not true
  then
    perform dbkit.raise_error('KD504', format('the event %s has protected fields and no subject at %s',
        p_event_type, array_to_string(v_protected.subject_path, '.')),
      jsonb_build_object('field', 'event_data', 'event_type', p_event_type,
        'subject_path', v_protected.subject_path),
      'Put the subject there: a text of 1 to 200 characters or a number, such as the customer''s id.');
  end if;
  v_key := dbkit._key_to_write(p_organization_id, v_subject);
  insert into dbkit.event_subject_streams (organization_id, subject, aggregate_type, aggregate_id)
  values (p_organization_id, v_subject, p_aggregate_type, p_aggregate_id)
  on conflict do nothing;
  for v_path in
    select array(select jsonb_array_elements_text(f.path))
    from jsonb_array_elements(v_protected.fields) as f (path)
  loop
    if p_event_data #> v_path is not null then
      v_sealed := jsonb_set(v_sealed, v_path, jsonb_build_object('subject', v_subject, '$sealed',
        dbkit._seal_value(v_key, jsonb_build_array(p_organization_id, p_event_type, v_path)::text,
          p_event_data #> v_path)));
    end if;
  end loop;
  return v_sealed;
end
$$;
comment on function dbkit._seal_fields(text, text, text, text, jsonb) is
  'event_data of a protected type with each protected field as {"$sealed": base64, "subject": text}.
Raises KD504 (no subject), KD514 (forgotten).';
