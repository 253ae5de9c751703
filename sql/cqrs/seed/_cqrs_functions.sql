select dbkit._generate_commands(), dbkit._generate_queries();
-- down
drop function dbkit._dispatch_command(text, jsonb, bigint);
drop function dbkit._dispatch_query(text, jsonb);
drop function dbkit._dispatch_shared_query(text, jsonb);
