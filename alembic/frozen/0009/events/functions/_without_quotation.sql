create or replace function dbkit._without_quotation(p_error text)
returns text
language sql
immutable
as $$ select case when p_error like 'body:%' then 'body: forgotten' else p_error end $$;
comment on function dbkit._without_quotation(text) is
  'The error of a delivery without what an upcaster said, which may quote the event''s data.';
