select dbkit._generate_event_functions();
-- down
select 1;
