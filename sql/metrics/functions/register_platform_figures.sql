create or replace function dbkit.register_platform_figures(p_name text, p_function text)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, dbkit, pg_temp
as $$
begin
  perform dbkit.require_super_admin('registering figures');
  perform dbkit._register_platform_figures(p_name, p_function);
end
$$;
comment on function dbkit.register_platform_figures(text, text) is
  'Adds figures of your own to get_platform_figures and `dbkit metrics export`: a function schema.function()
that returns table (figure text, labels jsonb, value double precision, help text), and runs with the rights
of who asks. Registered again under its name it is replaced. Needs super_admin. Raises KD003, KD705.';
grant execute on function dbkit.register_platform_figures(text, text) to super_admin;
