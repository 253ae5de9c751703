-- A token is the position of an event that somebody was told, so it is reached when that event can be seen:
-- others with a lower position may still be open, and are not theirs.
create or replace function dbkit._require_position(p_query text, p_min_position bigint, p_safe bigint)
returns void
language plpgsql
stable
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
declare
  v_state record;
  v_problem text;
begin
  if p_min_position is null then
    return;
  elsif coalesce(p_min_position > p_safe, true) and p_min_position > 0
    and not exists (select from dbkit.event_store e where e.position = p_min_position)
  then
    v_problem := 'the database has not come to that position';
  else
    select s.*
    into v_state
    from dbkit.query_definitions d
    cross join lateral dbkit._projection_state(d.projections) as s
    where d.query = p_query and d.projections <> '{}';
    if v_state.position < least(p_min_position,
      dbkit._newest_of_types(dbkit.current_organization(), v_state.event_types))
    then
      v_problem := format('a projection that it reads is at position %s', v_state.position);
    end if;
  end if;
  if v_problem is not null then
    perform dbkit.raise_error('KD608', format('%s cannot be answered as of position %s: %s', p_query, p_min_position,
        v_problem), jsonb_build_object('query', p_query, 'min_position', p_min_position, 'position', p_safe),
      'Ask again in a moment, or the primary; min_position is a position that an append, a command or a query '
      'returned.');
  end if;
end
$$;
comment on function dbkit._require_position(text, bigint, bigint) is
  'Raises KD608 when an answer cannot have what was appended up to a position. p_safe: safe_position, NULL
where that cannot be known.';
grant execute on function dbkit._require_position(text, bigint, bigint)
to anon, authenticated, service_role, super_admin;
