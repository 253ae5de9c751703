select dbkit._generate_fast_route();
-- down
drop function dbkit._fast_route(text);
