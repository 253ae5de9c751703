-- A user's own schema, as unkind to a generator of Python as SQL lets it be.
create schema billing;
create type billing.state as enum ('draft', 'paid', 'it''s "odd" \ here');
create type billing."class" as enum ('import', 'ü');
create type billing.no_labels as enum ();
create domain billing.cents as bigint check (value >= 0);
create domain billing.document as jsonb;
create domain billing.tags as text[];
create type billing.address as (street text, "from" text, "post code" text, "class" billing."class",
  "list" int[], raw bytea);
comment on type billing.address is 'Where. Nullable: street.
Nullable: list, raw.';
create domain billing.home as billing.address;
create table billing.invoices (
  id bigint primary key generated always as identity,
  number text not null,
  state billing.state not null default 'draft',
  total numeric(12, 2) not null,
  due date,
  paid_at timestamptz,
  lines jsonb not null default '[]',
  ship_to billing.address,
  others billing.address[] not null default '{}',
  key uuid not null default gen_random_uuid(),
  amount billing.cents
);
comment on table billing.invoices is 'An invoice. "Quoted" at both ends, "really"';
comment on column billing.invoices.total is 'In euro; """triple""" and \backslash\';
create view billing.open_invoices as select id, due from billing.invoices where state = 'draft';
comment on view billing.open_invoices is 'Nullable: due';

create function billing.one(p_a smallint, p_b int, p_c bigint, p_d real, p_e double precision,
  p_f numeric, p_g text, p_h varchar(5), p_i char(3), p_j uuid, p_k timestamptz, p_l timestamp,
  p_m date, p_n time, p_o timetz, p_p interval, p_q bytea, p_r boolean, p_s inet, p_t int4range,
  p_u regclass, p_v bit(3), p_w oid, p_x name)
returns table (a smallint, b int, c bigint, d real, e double precision, f numeric, g text,
  h varchar, i char(3), j uuid, k timestamptz, l timestamp, m date, n time, o timetz, p interval,
  q bytea, r boolean, s inet, t int4range, u regclass, v bit(3), w oid, x name)
language sql immutable as $$
  select p_a, p_b, p_c, p_d, p_e, p_f, p_g, p_h, p_i, p_j, p_k, p_l, p_m, p_n, p_o, p_p, p_q, p_r,
    p_s, p_t, p_u, p_v, p_w, p_x $$;
create function billing.arrays(p_ints int[], p_money numeric[], p_states billing.state[],
  p_cents billing.cents[], p_ranges int4range[], p_json jsonb[], p_tags billing.tags, p_times timestamptz[])
returns table (ints int[], money numeric[], states billing.state[], cents billing.cents[],
  ranges int4range[], "json" jsonb[], tags billing.tags, times timestamptz[])
language sql stable as $$
  select p_ints, p_money, p_states, p_cents, p_ranges, p_json, p_tags, p_times $$;
comment on function billing.arrays is 'Arrays, all of which may be missing.
Nullable: ints, money, states, cents, ranges, json, tags, times.';
create function billing.composites(p_one billing.address, p_many billing.address[], p_home billing.home,
  p_document billing.document)
returns table (one billing.address, many billing.address[], home billing.home, document billing.document)
language sql stable as $$ select p_one, p_many, p_home, p_document $$;
comment on function billing.composites is 'Nullable: one, many, home.';

create function billing."import"("from" int, "class" text default 'x''y\', "lambda" int default -3,
  p_list billing.state default 'paid', "int" bigint default 5, "Mixed Case%s" text default '%s',
  p_self boolean default true, "self" double precision default 1.5)
returns text language sql immutable as $$
  select concat_ws('/', "from", "class", "lambda", p_list, "int", "Mixed Case%s", p_self, "self") $$;
comment on function billing."import" is E'"""Imports""" at C:\\new\\table\\u0041 \'x\' — größe, 数字数字数字数字数字数字数字数字数字数字数字数字数字数字数字数字数字数字数字数字数字数字数字数字数字数字数字
	tab, a very long line that has to be wrapped somewhere, because it goes on and on and on until it is beyond a hundred columns
  indented\x0c\u200b end "';
create function billing.defaults(p_at timestamptz default now(), "order" jsonb default '{"a": 1}',
  p_ints int[] default '{1,2}', p_rate numeric default 1.10, p_nothing text default null,
  p_when date default '2026-01-01', p_count numeric default 7)
returns jsonb language sql stable as $$
  select jsonb_build_object('order', "order", 'ints', p_ints, 'rate', p_rate, 'nothing', p_nothing,
    'when', p_when, 'count', p_count, 'now', p_at = now()) $$;
create function billing.unnamed(int, text default 'a', timestamptz default now(), int default 3)
returns text language sql stable as $$ select concat_ws('/', $1, $2, $3 = now(), $4) $$;
create function billing.sum_of(variadic p_numbers int[]) returns bigint
language sql immutable as $$ select sum(n) from unnest(p_numbers) as n $$;
comment on function billing.sum_of is 'The sum; NULL for no numbers.';
create function billing.total(p_id bigint) returns numeric language sql stable as $$
  select total from billing.invoices where id = p_id $$;
create function billing.total(p_number text) returns numeric language sql stable as $$
  select total from billing.invoices where number = p_number $$;
create function billing.touch() returns void language sql volatile as $$ select $$;
create function billing.numbers(p_n int) returns setof int language sql immutable as $$
  select generate_series(1, p_n) $$;
create function billing.states() returns setof billing.state language sql immutable as $$
  select unnest(enum_range(null::billing.state)) $$;
create function billing.maybe() returns setof text language sql immutable as $$ values ('a'), (null) $$;
comment on function billing.maybe is 'Nullable: result.';
create function billing.documents() returns setof jsonb language sql immutable as $$
  values ('{"a": 1.10}'::jsonb), ('null'), (null) $$;
create function billing.steps() returns setof jsonb language sql immutable as $$
  values ('{"name": "x", "class": "ü", "took": 1.10}'::jsonb) $$;
comment on function billing.steps is 'Returns {name text, class billing."class"?}
Returns {name text, "x" y}';
create function billing.report() returns jsonb language sql stable as $$
  select '{"from": "2026-01-01T00:00:00+00:00", "state": "paid", "steps": [{"name": "a", "ms": null}],
    "grid": [[1, 2], [3]], "any": {"x": [1.10, null]}, "money": 1.10, "key": null, "new": 1}'::jsonb $$;
comment on function billing.report is 'A report.
Returns {from timestamptz, state state, steps {name text, ms numeric(10,2)?}[], grid int[][], any jsonb, money numeric(12, 2), key uuid?}';
create function billing.maybe_report(p_there boolean) returns jsonb language sql stable as $$
  select case when p_there then '{"a": 1}'::jsonb end $$;
comment on function billing.maybe_report is 'Returns {a int}?';
create function billing.prose() returns jsonb language sql stable as $$ select '[]'::jsonb $$;
comment on function billing.prose is 'Returns {this, is prose}';
create function billing.invoice(p_id bigint) returns billing.invoices language sql stable as $$
  select * from billing.invoices where id = p_id $$;
comment on function billing.invoice is 'The invoice, or NULL.';
create function billing.invoices() returns setof billing.invoices language sql stable as $$
  select * from billing.invoices order by id $$;
create function billing.open_ones() returns setof billing.open_invoices language sql stable as $$
  select * from billing.open_invoices $$;
create function billing.add(p_number text, p_total numeric, p_ship_to billing.address default null)
returns bigint language sql volatile as $$
  insert into billing.invoices (number, total, ship_to) values (p_number, p_total, p_ship_to)
  returning id $$;
create function billing.pair(p_a int, out low int, out "High" text) language sql immutable as $$
  select p_a, null::text $$;
comment on function billing.pair is 'Nullable: High.';
create function billing.single(out result_ numeric) language sql immutable as $$ select 1.10 $$;
create function billing.both(inout p_value int) language sql immutable as $$ select p_value + 1 $$;
create function billing.one_column() returns table ("select" text) language sql immutable as $$ values ('a') $$;
create function billing.home_of(p_home billing.home) returns billing.home language sql immutable as $$
  select p_home $$;
create function billing.homes(p_n int) returns billing.address[] language sql immutable as $$
  select array_fill(row('s', 'f', 'p', 'ü', '{1}', '\x00')::billing.address, array[p_n]) $$;
create function billing.promised() returns int language sql immutable as $$ select null::int $$;
create function billing."Weird-Name ""q"" %s"(p__x int) returns int language sql immutable as $$ select 1 $$;
create function billing."list"("Call" text, "scalar" text, "__x" int) returns text
language sql immutable as $$ select 'list' $$;
create function billing.a_name_that_is_as_long_as_postgres_lets_a_name_be_which_is_63(
  p_an_argument_that_is_as_long_as_postgres_lets_a_name_be_which_63 billing.address default null)
returns table (a_column_that_is_as_long_as_postgres_lets_a_name_be_which_is_63 billing.address[])
language sql immutable as $$ select null::billing.address[] $$;
comment on function billing.a_name_that_is_as_long_as_postgres_lets_a_name_be_which_is_63 is
  'Nullable: a_column_that_is_as_long_as_postgres_lets_a_name_be_which_is_63.';
create function billing.nothing_in_it(p_e billing.no_labels) returns billing.no_labels
language sql immutable as $$ select null::billing.no_labels $$;

-- Left out.
create function billing._private() returns int language sql immutable as $$ select 1 $$;
create function billing.on_change() returns trigger language plpgsql as $$ begin return null; end $$;
create function billing.poly(p_x anyelement) returns anyelement language sql immutable as $$ select p_x $$;
create function billing.untyped() returns record language sql immutable as $$ select 1, 2 $$;
create procedure billing.proc() language sql as $$ select $$;
create aggregate billing.agg(int) (sfunc = int4pl, stype = int);
