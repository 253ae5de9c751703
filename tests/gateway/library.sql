-- Calls that list, make and remove, of organizations that must not see each other, in every version.
create schema library;
grant usage on schema library to public;
create table library.books (
  id bigint generated always as identity primary key,
  organization_id text not null default coalesce(nullif(dbkit.context_value('organization_id'), ''), 'open'),
  title text not null check (length(title) between 1 and 100),
  genre text not null default 'novel',
  price numeric(8, 2) not null default 5,
  added_at timestamptz not null default dbkit.clock()
);
create index on library.books (organization_id, added_at, id);
insert into library.books (organization_id, title, genre, price, added_at)
select o, 'Volume ' || n || ' of ' || o, (array['novel', 'poetry', 'travel'])[1 + n % 3], 5 + n % 7,
  timestamptz '2026-01-01Z' + n * interval '1 hour'
from unnest(array['north', 'south', 'open']) as o, generate_series(1, 50) as n;
alter table library.books enable row level security;
create policy books_tenant on library.books to anon, authenticated
using (organization_id = (select coalesce(nullif(dbkit.context_value('organization_id'), ''), 'open')));
grant select, insert, delete on library.books to anon, authenticated, super_admin;

select dbkit.register_list('books', 'library.books', '{id,title,genre,price,added_at}', '{id}',
  '{added_at,price}', '-added_at', '{"genre": ["eq", "in"], "price": true, "title": ["like"]}', '{title}');

create function library.list_books_v1(p jsonb) returns jsonb language sql stable
return dbkit.page_list('books', p, 'v1');
create function library.list_books_v2(p jsonb) returns jsonb language sql stable
return dbkit.page_list('books', p, 'v2');
create function library.list_books_v3(p jsonb) returns jsonb language sql stable
return dbkit.page_list('books', p, 'v3');
create function library.get_book(p jsonb) returns jsonb language plpgsql stable as $$
declare v_book jsonb := (
  select to_jsonb(b) - 'organization_id' from library.books b where id = (p ->> 'id')::bigint);
begin
  if v_book is null then
    raise exception using errcode = 'PT404', message = 'there is no such book',
      detail = jsonb_build_object('id', p -> 'id');
  end if;
  return v_book;
end $$;
create function library.add_book(p jsonb) returns jsonb language plpgsql as $$
declare v_id bigint;
begin
  insert into library.books (title, genre) values (p ->> 'title', coalesce(p ->> 'genre', 'novel'))
  returning id into v_id;
  return jsonb_build_object('id', v_id, 'title', p -> 'title');
end $$;
create function library.remove_book(p jsonb) returns jsonb language plpgsql as $$
begin
  delete from library.books where id = (p ->> 'id')::bigint;
  return '{}';
end $$;
create function library.reindex(p jsonb) returns jsonb language plpgsql as $$
begin
  return jsonb_build_object('id', p -> 'id');
end $$;
grant execute on all functions in schema library to public;

do $do$
declare
  v_version text;
  v_id jsonb := '{"type": "object", "required": ["id"], "additionalProperties": false,
    "properties": {"id": {"type": "integer", "minimum": 1}}}';
  v_book jsonb := '{"type": "object", "required": ["id", "title"], "properties": {
    "id": {"type": "integer"}, "title": {"type": "string"}, "genre": {"type": "string"},
    "price": {"type": "number"}, "added_at": {"type": "string"}}}';
begin
  foreach v_version in array array['v1', 'v2', 'v3'] loop
    perform dbkit.register_rpc('list_books', v_version, 'library.list_books_' || v_version || '(jsonb)',
      p_request_schema => '{"type": "object", "additionalProperties": false, "properties": {
        "limit": {"type": "integer", "minimum": 1, "maximum": 100},
        "offset": {"type": "integer", "minimum": 0, "maximum": 1000000},
        "last": {"type": "boolean"},
        "cursor": {"type": "string", "maxLength": 4000},
        "sort": {"type": "string", "enum": ["-added_at", "added_at", "price", "-price,added_at"]},
        "count": {"type": "string", "enum": ["none", "estimated", "exact"]},
        "search": {"type": "string", "maxLength": 100},
        "filter": {"type": "object", "additionalProperties": false, "properties": {
          "genre": {"type": "object"}, "price": {"type": "object"}, "title": {"type": "object"}}}}}',
      p_response_schema => jsonb_build_object('type', 'object', 'x-dbkit-list', true,
        'required', '["items", "page"]'::jsonb,
        'properties', jsonb_build_object('items', jsonb_build_object('type', 'array', 'items', v_book),
          'page', '{"type": "object"}'::jsonb)),
      p_description => 'The books of a library.');
    perform dbkit.register_rpc('get_book', v_version, 'library.get_book(jsonb)',
      p_request_schema => v_id, p_response_schema => v_book, p_description => 'A book.');
    perform dbkit.register_rpc('add_book', v_version, 'library.add_book(jsonb)', 'write',
      p_request_schema => '{"type": "object", "required": ["title"], "additionalProperties": false,
        "properties": {"title": {"type": "string", "minLength": 1, "maxLength": 100},
          "genre": {"type": "string", "maxLength": 100}}}',
      p_response_schema => v_book || '{"x-dbkit-status": 201, "x-dbkit-location": "get_book?id={id}",
        "x-dbkit-related": {"book": "get_book?id={id}"}}',
      p_description => 'Adds a book.');
    perform dbkit.register_rpc('remove_book', v_version, 'library.remove_book(jsonb)', 'write',
      p_request_schema => v_id, p_response_schema => '{"type": "object", "x-dbkit-status": 204}',
      p_description => 'Removes a book, if it is there.');
    perform dbkit.register_rpc('reindex_book', v_version, 'library.reindex(jsonb)', 'write',
      p_request_schema => v_id,
      p_response_schema => v_id || '{"x-dbkit-status": 202, "x-dbkit-location": "get_book?id={id}"}',
      p_description => 'Reads a book again, some time.');
  end loop;
end $do$;
