-- Reasons are OpenFeature's. The bucket hangs on feature and consumer only, so a consumer who has a
-- feature keeps it while the share grows, and different features pick different consumers.
create or replace function dbkit.evaluate_feature(
  p_feature text,
  p_api_version text,
  p_app_version text default null,
  p_consumer text default null
)
returns jsonb
language plpgsql
stable
as $$
declare
  v_flag dbkit.feature_flags;
  v_app text := coalesce(p_app_version, dbkit.context_value('app_version'));
  v_consumer text := coalesce(p_consumer, dbkit.context_value('client_id'),
    dbkit.context_value('user_id'), '');
  v_bucket numeric;
  v_reason text;
begin
  perform dbkit._require_version(p_api_version);
  select * into v_flag from dbkit.feature_flags where feature = p_feature;
  if not found then
    return jsonb_build_object('feature', p_feature, 'enabled', false, 'reason', 'ERROR',
      'error_code', 'FLAG_NOT_FOUND', 'rollout_percentage', 0);
  end if;
  v_bucket := (abs(hashtextextended(p_feature || ' ' || v_consumer, 0) % 10000))::numeric / 100;
  v_reason := case
    when not v_flag.enabled then 'DISABLED'
    when not dbkit.is_feature_available(p_feature, p_api_version)
      or (v_flag.min_app_key <= dbkit.semver_key(v_app) collate "C") is not true
        and v_flag.min_app_key is not null
      or (dbkit.context_value('app_name') = any (v_flag.app_names)) is not true
        and v_flag.app_names is not null then 'DEFAULT'
    when v_flag.rollout_percentage < 100 then 'SPLIT'
    when v_flag.min_app_key is null and v_flag.app_names is null then 'STATIC'
    else 'TARGETING_MATCH'
  end;
  return jsonb_build_object('feature', p_feature,
    'enabled', v_reason in ('STATIC', 'TARGETING_MATCH')
      or (v_reason = 'SPLIT' and v_bucket < v_flag.rollout_percentage),
    'reason', v_reason, 'error_code', null, 'rollout_percentage', v_flag.rollout_percentage);
end
$$;
comment on function dbkit.evaluate_feature(text, text, text, text) is
  'Whether one client sees a feature, and why (OpenFeature reasons: STATIC, TARGETING_MATCH, SPLIT, DEFAULT,
DISABLED, ERROR). App version and consumer default to the request context. DEFAULT: the API version, the
app version or the app is not one that gets it, or the client does not say. Raises KD002, KD102.
Returns {feature text, enabled boolean, reason text, error_code text?, rollout_percentage numeric}';
grant execute on function dbkit.evaluate_feature(text, text, text, text)
to anon, authenticated, service_role, super_admin;
