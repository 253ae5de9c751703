-- What a user may see can follow from any of the verified claims, so an answer that is theirs alone is kept
-- under all of them: another token is another answer.
create or replace function dbkit._answer_key(p_vary text, p_params jsonb)
returns bytea
language sql
stable
as $$
select sha256(convert_to(case p_vary when 'user' then coalesce(current_setting('request.jwt.claims', true), '')
  else '' end || ' ' || p_params::text, 'UTF8'))
$$;
comment on function dbkit._answer_key(text, jsonb) is
  'params_hash of an answer, as one expression, which becomes part of the statement that looks it up.';
