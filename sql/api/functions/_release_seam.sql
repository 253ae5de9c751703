-- A request is logged some time after it was routed: gateways log in batches.
create or replace function dbkit._release_seam()
returns interval
language plpgsql
immutable
as $$
begin
  return interval '5 seconds';
end
$$;
comment on function dbkit._release_seam() is
  'How long after a change of the share requests are not counted: they may have been routed before it.';
