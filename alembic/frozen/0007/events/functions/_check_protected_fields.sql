create or replace function dbkit._check_protected_fields(
  p_event_type text,
  p_subject_path text[],
  p_fields jsonb
)
returns void
language plpgsql
stable
as $$
declare
  v_paths jsonb[];
  v_problem text;
begin
  if jsonb_typeof(p_fields) = 'array' then
    v_paths := array(select jsonb_array_elements(p_fields));
  end if;
  v_problem := case
    when length(p_event_type) between 1 and 100 is not true
      then 'the event type must have 1 to 100 characters'
    when (cardinality(p_subject_path) between 1 and 20 and array_ndims(p_subject_path) = 1
      and array_position(p_subject_path, null) is null) is not true
      then 'the subject''s path must be 1 to 20 keys'
    when cardinality(v_paths) between 1 and 50 is not true then 'fields must be an array of 1 to 50 paths'
    when exists (
      select from unnest(v_paths) as f
      where case when jsonb_typeof(f) <> 'array' then true
        else jsonb_array_length(f) not between 1 and 20 or f @? '$[*] ? (@.type() != "string")' end
    ) then 'each field must be a path, an array of 1 to 20 keys: [["customer", "name"]]'
    when exists (
      select from unnest(v_paths) with ordinality as holder (path, nth)
      join unnest(v_paths || to_jsonb(p_subject_path)) with ordinality as held (path, nth)
        on holder.nth <> held.nth
      where array(select jsonb_array_elements_text(holder.path))
        = (array(select jsonb_array_elements_text(held.path)))[:jsonb_array_length(holder.path)]
    ) then 'no field may hold another one or the subject'
  end;
  if v_problem is not null then
    perform dbkit.raise_error('KD508',
      format('the fields of %s cannot be protected: %s', p_event_type, v_problem),
      jsonb_build_object('event_type', p_event_type, 'subject_path', p_subject_path, 'fields', p_fields),
      'The comment of dbkit.protect_event_fields has an example.');
  end if;
end
$$;
comment on function dbkit._check_protected_fields(text, text[], jsonb) is
  'Raises KD508 with the first problem.';
