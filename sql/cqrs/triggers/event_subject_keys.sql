create trigger query_cache_forgets_subjects
after update on dbkit.event_subject_keys
for each row when (old.key is not null and new.key is null)
execute function dbkit._forget_cached_answers();
