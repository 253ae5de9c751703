-- What a user may see can follow from any of the verified claims, so an answer that is theirs alone is kept
-- under all of them: another token is another answer. And so are other settings of the session that change
-- how a handler reads times and words: else one caller could choose them for all.
create or replace function dbkit._answer_key(p_vary text, p_params jsonb)
returns bytea
language sql
stable
as $$
select sha256(convert_to(case p_vary when 'user' then coalesce(current_setting('request.jwt.claims', true), '')
  else '' end || ' ' || p_params::text || current_setting('TimeZone') || ' ' || current_setting('DateStyle')
  || ' ' || current_setting('IntervalStyle') || ' ' || current_setting('default_text_search_config'), 'UTF8'))
$$;
comment on function dbkit._answer_key(text, jsonb) is
  'params_hash of an answer: of the parameters and of what else it is kept under. As one
expression, which becomes part of the statement that looks it up.';
