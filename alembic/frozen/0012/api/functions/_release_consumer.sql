create or replace function dbkit._release_consumer()
returns text
language plpgsql
stable
as $$
begin
  return coalesce(dbkit.context_value('client_id'), dbkit.context_value('user_id'),
    dbkit.context_value('organization_id'));
end
$$;
comment on function dbkit._release_consumer() is
  'Who calls, for the share of a guarded release: client_id, else user_id, else organization_id; NULL for a
caller who says none of them, and is never part of a share.';
