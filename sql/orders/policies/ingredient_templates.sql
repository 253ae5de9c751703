alter table dbkit.ingredient_templates enable row level security;
alter table dbkit.ingredient_templates force row level security;
create policy ingredient_templates_staff on dbkit.ingredient_templates
for select to authenticated
using (
  organization_id in (
    select p.organization_id
    from dbkit.user_profiles p
    where p.user_id = (select dbkit.context_value('user_id'))
      and p.role in ('staff', 'manager', 'admin')
  )
);
create policy ingredient_templates_service on dbkit.ingredient_templates
to service_role, super_admin using (true) with check (true);
create policy ingredient_templates_owner on dbkit.ingredient_templates
to current_user using (true) with check (true);
