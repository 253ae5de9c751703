-- A name before a kind: who calls a channel "slack" means that one. What nobody answers to keeps its word, so
-- that the notice that is not sent says where to.
create or replace function dbkit._alert_destinations(p_organization_id text, p_channels jsonb)
returns table (channel text, is_there boolean)
language plpgsql
stable
as $$
#variable_conflict use_column
begin
  return query
  select coalesce(c.name, w.word), bool_or(c.name is not null)
  from jsonb_array_elements_text(p_channels) as w (word)
  left join dbkit.alert_channels c on c.organization_id = p_organization_id and c.enabled
    and (c.name = w.word or c.kind = w.word and not exists (
      select from dbkit.alert_channels x
      where x.organization_id = p_organization_id and x.name = w.word and x.enabled))
  group by 1;
end
$$;
comment on function dbkit._alert_destinations(text, jsonb) is
  'The channels that a rule''s words stand for, each once.';
