-- The hash hangs on version and consumer only: whoever is in at 5 % is in at 50 %, and when the release is
-- begun again. Another version picks others. In SQL, so that it is put into
-- the plan that counts a block of calls.
create or replace function dbkit._release_bucket(p_version text, p_consumer text)
returns numeric
language sql
immutable
as $$
  select ((hashtextextended(p_version || ' ' || p_consumer, 0) & 9223372036854775807) % 10000)::numeric / 100
$$;
comment on function dbkit._release_bucket(text, text) is
  'Where a consumer stands among all, 0 to 99.99: below the share of a guarded release it is part of it.';
