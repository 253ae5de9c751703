create or replace function dbkit._raise_projection_busy(p_projection text)
returns void
language plpgsql
volatile
as $$
begin
  perform dbkit.raise_error('KD511', format('somebody else runs or rebuilds the projection %s', p_projection),
    jsonb_build_object('projection', p_projection), 'Nothing was lost: try again after they have finished.');
end
$$;
comment on function dbkit._raise_projection_busy(text) is 'Raises KD511.';
