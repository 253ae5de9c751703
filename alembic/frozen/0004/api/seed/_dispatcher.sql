select dbkit._generate_dispatcher();
-- down
drop function dbkit._dispatch(int, jsonb);
