insert into dbkit.error_codes (sqlstate, name, http_status, summary)
values ('KD301', 'unknown_region', 404, 'There is no region with this id.')
on conflict (sqlstate) do update
set name = excluded.name, http_status = excluded.http_status, summary = excluded.summary;
-- down
delete from dbkit.error_codes where sqlstate between 'KD300' and 'KD399';
