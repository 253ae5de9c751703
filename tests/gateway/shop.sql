-- Calls that tell what they see, write, take their time, and fail.
create schema shop;
grant usage on schema shop to public;
create function shop.whoami(p jsonb) returns jsonb language plpgsql stable as $$
begin
  return dbkit.request_context() || jsonb_build_object('role', current_user,
    'read_only', current_setting('transaction_read_only'), 'payload', p,
    'claims', nullif(current_setting('request.jwt.claims', true), '')::jsonb);
end $$;
create table shop.notes (id bigint generated always as identity, note text not null);
grant all on shop.notes to public;
create function shop.add_note(p jsonb) returns jsonb language plpgsql as $$
declare v_id bigint;
begin
  insert into shop.notes (note) values (p ->> 'note') returning id into v_id;
  return jsonb_build_object('id', v_id);
end $$;
create function shop.nap(p jsonb) returns jsonb language plpgsql stable as $$
begin
  perform pg_sleep((p ->> 'seconds')::float);
  return '{}';
end $$;
create function shop.fail(p jsonb) returns jsonb language plpgsql stable as $$
begin
  raise exception using errcode = p ->> 'sqlstate', message = 'select secret from t',
    detail = '/var/lib/postgresql';
end $$;
grant execute on all functions in schema shop to public;
select dbkit.register_rpc('whoami', 'v1', 'shop.whoami(jsonb)', 'read');
select dbkit.register_rpc('add_note', 'v1', 'shop.add_note(jsonb)', 'write',
  p_compatible_with => '{v2,v3}');
select dbkit.register_rpc('nap', 'v1', 'shop.nap(jsonb)', 'read');
select dbkit.register_rpc('fail', 'v1', 'shop.fail(jsonb)', 'read');
