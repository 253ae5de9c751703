insert into dbkit.heal_switch (enabled, changed_by, reason)
values (true, session_user, 'installed')
on conflict (is_only) do nothing;
-- down
delete from dbkit.heal_switch;
