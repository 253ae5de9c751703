-- Names and type names are text, not reg*: pg_upgrade refuses reg* columns, and a dump has other OIDs.
create table dbkit.api_lists (
  list_id int primary key generated always as identity,
  name text not null unique check (name ~ '^[a-z][a-z0-9_]{0,49}$'),
  source text not null,
  shown text[] not null check (cardinality(shown) between 1 and 100),
  key_columns text[] not null check (cardinality(key_columns) between 1 and 4),
  sorts text[] not null check (cardinality(sorts) between 1 and 24),
  default_sort text not null,
  filters jsonb not null default '{}' check (jsonb_typeof(filters) = 'object'),
  search text[] not null default '{}',
  max_limit int not null check (max_limit between 1 and 1000),
  default_limit int not null check (default_limit >= 1 and default_limit <= max_limit),
  required_role text,
  column_types jsonb not null check (jsonb_typeof(column_types) = 'object'),
  orders jsonb not null check (jsonb_typeof(orders) = 'object'),
  description text not null default '',
  registered_at timestamptz not null default clock_timestamp(),
  registered_by text not null default session_user
);
comment on table dbkit.api_lists is
  'What page_list can show: a source, and what of it may be seen, sorted, filtered and searched by. Written by
register_list only.';
comment on column dbkit.api_lists.source is 'Table or view, quoted and with its schema.';
comment on column dbkit.api_lists.shown is 'The columns of an item. Those to sort by are among them.';
comment on column dbkit.api_lists.key_columns is
  'Unique and never NULL together; they end every order, so that it is total.';
comment on column dbkit.api_lists.sorts is
  'Columns that a request may sort by; the key and the default are among them.';
comment on column dbkit.api_lists.filters is 'By column: the operators that a request may use.';
comment on column dbkit.api_lists.search is 'Columns of text that search looks into.';
comment on column dbkit.api_lists.column_types is
  'By column: {type: the type''s full name, class: how a value is checked, not_null}.';
comment on column dbkit.api_lists.orders is
  'By sort, those for which _page_of_<name> has statements: the whole order as [column, descending, nullable,
type].';
grant select on dbkit.api_lists to anon, authenticated, service_role, super_admin;
