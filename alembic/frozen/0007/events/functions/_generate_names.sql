create or replace function dbkit._generate_names(p_function text, p_names text[])
returns void
language plpgsql
volatile
as $$
begin
  execute format(
    $text$
create or replace function dbkit.%I()
returns text[]
language sql
immutable
as %L
    $text$, p_function, format(E'\nselect %L::text[]\n', p_names));
end
$$;
comment on function dbkit._generate_names(text, text[]) is
  'Writes a function that returns a constant list, which a planner puts in its place.';
