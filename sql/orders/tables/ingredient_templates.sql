create table dbkit.ingredient_templates (
  id bigint generated always as identity primary key,
  organization_id text not null default 'default' check (length(organization_id) between 1 and 200),
  name text not null check (length(name) between 1 and 200),
  category text,
  price_delta numeric(12, 2) not null default 0,
  allergens text[] not null default '{}',
  is_active boolean not null default true,
  unique (organization_id, name)
);
comment on table dbkit.ingredient_templates is
  'Ingredients of an organization, from which the options of its menus are made. An option keeps its own
name and price: changing a template changes no menu. Read by the organization''s staff.';
comment on column dbkit.ingredient_templates.category is 'Free word to group by, such as cheese.';
comment on column dbkit.ingredient_templates.price_delta is 'Proposed price_delta of a new option.';
comment on column dbkit.ingredient_templates.allergens is 'Free words, such as {milk,gluten}.';
grant select on dbkit.ingredient_templates to authenticated;
grant select, insert, update, delete on dbkit.ingredient_templates to service_role, super_admin;
