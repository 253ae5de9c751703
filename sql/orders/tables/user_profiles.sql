-- What a user is in a store. The role super_admin stands here because an application shows it; in the
-- database it opens nothing, since rights come from the database role.
create table dbkit.user_profiles (
  id bigint generated always as identity primary key,
  organization_id text not null default 'default' check (length(organization_id) between 1 and 200),
  user_id text not null check (length(user_id) between 1 and 200),
  store_id bigint,
  role text not null
    check (role in ('customer', 'staff', 'manager', 'admin', 'super_admin')),
  display_name text check (length(display_name) <= 200),
  created_at timestamptz not null default dbkit.clock(),
  check (store_id is not null or role in ('customer', 'super_admin')),
  unique nulls not distinct (user_id, organization_id, store_id),
  foreign key (organization_id, store_id) references dbkit.stores (organization_id, id)
    on delete cascade
);
comment on table dbkit.user_profiles is
  'Who works where. A user reads their own rows; staff, manager and admin rows open the orders of that
store. One row a user and store; who works in three stores has three.';
comment on column dbkit.user_profiles.user_id is 'As in the request context.';
comment on column dbkit.user_profiles.store_id is 'Needed for staff, manager and admin.';
comment on column dbkit.user_profiles.role is
  'manager and admin may also cancel what is being prepared. super_admin grants nothing here: that
right is the database role of the same name.';
create index idx_user_profiles_store on dbkit.user_profiles (organization_id, store_id);
grant select on dbkit.user_profiles to authenticated;
grant select, insert, update, delete on dbkit.user_profiles to service_role, super_admin;
