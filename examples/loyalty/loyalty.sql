-- A loyalty programme beside the shipped domain: its own schema, its own calls in v3.
create schema if not exists loyalty;
grant usage on schema loyalty to authenticated, service_role;

create table if not exists loyalty.entries (
  entry_id bigint primary key generated always as identity,
  member text not null,
  points int not null check (points <> 0),
  reason text not null,
  noted_at timestamptz not null default clock_timestamp()
);
create index if not exists idx_loyalty_entries_member on loyalty.entries (member, entry_id);
alter table loyalty.entries enable row level security;
alter table loyalty.entries force row level security;
drop policy if exists entries_own on loyalty.entries;
create policy entries_own on loyalty.entries to authenticated
  using (member = (select dbkit.context_value('user_id')))
  with check (member = (select dbkit.context_value('user_id')));
drop policy if exists entries_service on loyalty.entries;
create policy entries_service on loyalty.entries to service_role using (true) with check (true);
grant select, insert on loyalty.entries to authenticated, service_role;

-- A plain function: typed by its signature.
create or replace function loyalty.statement(p_limit int default 20)
returns table (entry_id bigint, points int, reason text, noted_at timestamptz)
language sql
stable
as $$
  select e.entry_id, e.points, e.reason, e.noted_at
  from loyalty.entries e
  where e.member = dbkit.context_value('user_id')
  order by e.entry_id desc
  limit p_limit
$$;
comment on function loyalty.statement(int) is
  'The newest entries of the member whose user_id the request context names, newest first.';
grant execute on function loyalty.statement(int) to authenticated, service_role;

-- Two handlers: typed by the JSON Schemas that register.py registers them with.
create or replace function loyalty.rpc_v3_get_loyalty_balance(p_payload jsonb)
returns jsonb
language sql
stable
as $$
  select jsonb_build_object(
    'points', coalesce(sum(e.points), 0),
    'level', case when coalesce(sum(e.points), 0) >= 1000 then 'gold' else 'silver' end,
    'last_earned_at', max(e.noted_at) filter (where e.points > 0))
  from loyalty.entries e
  where e.member = dbkit.context_value('user_id')
$$;
comment on function loyalty.rpc_v3_get_loyalty_balance(jsonb) is 'Handler: the member''s points.';
grant execute on function loyalty.rpc_v3_get_loyalty_balance(jsonb) to authenticated, service_role;

create or replace function loyalty.rpc_v3_earn_points(p_payload jsonb)
returns jsonb
language plpgsql
volatile
as $$
declare
  v_member text := dbkit.context_value('user_id');
begin
  if v_member is null then
    perform dbkit.raise_error('KD004', 'earning points needs a member', '{"argument": "user_id"}',
      'Set user_id in the request context.');
  end if;
  insert into loyalty.entries (member, points, reason)
  values (v_member, (p_payload ->> 'points')::int, p_payload ->> 'reason');
  return loyalty.rpc_v3_get_loyalty_balance('{}');
end
$$;
comment on function loyalty.rpc_v3_earn_points(jsonb) is
  'Handler: {points, reason, idempotency_key?}. Raises KD004 without a user_id.';
grant execute on function loyalty.rpc_v3_earn_points(jsonb) to authenticated, service_role;
