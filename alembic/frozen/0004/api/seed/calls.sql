-- Platform calls. They are registered as a user's own calls would be.
select dbkit._register_rpc('get_features', 'v2', 'dbkit.rpc_v2_get_features(jsonb)', 'read',
  p_request_schema => '{"type": "object", "additionalProperties": false, "properties": {
    "app_version": {"type": "string", "maxLength": 100}}}',
  p_response_schema => '{"title": "Features", "type": "object", "required": ["features"],
    "properties": {"features": {"type": "object", "additionalProperties": {"type": "boolean"}}}}',
  p_description => 'Which features this client has');
select dbkit._register_rpc('get_features', 'v3', 'dbkit.rpc_v3_get_features(jsonb)', 'read',
  p_request_schema => '{"type": "object", "additionalProperties": false, "properties": {
    "app_version": {"type": "string", "maxLength": 100}}}',
  p_response_schema => '{"title": "Features", "type": "object", "required": ["features"],
    "properties": {"features": {"type": "array", "items": {"title": "Feature", "type": "object",
      "required": ["feature", "enabled", "reason", "rollout_percentage", "description"],
      "properties": {"feature": {"type": "string"}, "enabled": {"type": "boolean"},
        "reason": {"type": "string"}, "rollout_percentage": {"type": "number"},
        "description": {"type": "string"}}}}}}',
  p_description => 'Which features this client has, why, and their rollout share');
select dbkit._register_rpc('check_compatibility', 'v1', 'dbkit.rpc_v1_check_compatibility(jsonb)', 'read',
  p_request_schema => '{"type": "object", "additionalProperties": false, "properties": {
    "app_version": {"type": "string", "maxLength": 100}}}',
  p_response_schema => '{"title": "Compatibility", "type": "object",
    "required": ["compatible", "app_version", "minimum_app_version"],
    "properties": {"compatible": {"type": "boolean"}, "app_version": {"type": "string"},
      "minimum_app_version": {"type": ["string", "null"]}}}',
  p_description => 'Whether the app may go on');
select dbkit._register_rpc('check_compatibility', 'v2', 'dbkit.rpc_v2_check_compatibility(jsonb)', 'read',
  p_request_schema => '{"type": "object", "additionalProperties": false, "properties": {
    "app_version": {"type": "string", "maxLength": 100}}}',
  p_response_schema => '{"title": "Compatibility", "type": "object",
    "required": ["compatible", "app_version", "minimum_app_version", "best_version",
      "current_version", "features"],
    "properties": {"compatible": {"type": "boolean"}, "app_version": {"type": "string"},
      "minimum_app_version": {"type": ["string", "null"]}, "best_version": {"type": ["string", "null"]},
      "current_version": {"type": "string"},
      "features": {"type": "array", "items": {"type": "string"}}}}',
  p_description => 'Whether the app may go on, and its features');
select dbkit._register_rpc('check_compatibility', 'v3', 'dbkit.rpc_v3_check_compatibility(jsonb)', 'read',
  p_request_schema => '{"type": "object", "additionalProperties": false, "properties": {
    "app_version": {"type": "string", "maxLength": 100}}}',
  p_response_schema => '{"title": "Compatibility", "type": "object",
    "required": ["compatible", "app_version", "minimum_app_version", "best_version",
      "current_version", "features", "feature_count", "total_feature_count", "upgrade_hint"],
    "properties": {"compatible": {"type": "boolean"}, "app_version": {"type": "string"},
      "minimum_app_version": {"type": ["string", "null"]}, "best_version": {"type": ["string", "null"]},
      "current_version": {"type": "string"},
      "features": {"type": "array", "items": {"type": "string"}},
      "feature_count": {"type": "integer"}, "total_feature_count": {"type": "integer"},
      "upgrade_hint": {"type": ["string", "null"]}}}',
  p_description => 'Whether the app may go on, its features counted, and an upgrade hint');
select dbkit._register_rpc('get_region_health', 'v3', 'dbkit.rpc_v3_get_region_health(jsonb)', 'read',
  p_request_schema => '{"type": "object", "additionalProperties": false, "properties": {}}',
  p_response_schema => '{"title": "RegionHealthReport", "type": "object", "required": ["regions"],
    "properties": {"regions": {"type": "array", "items": {"title": "RegionHealth", "type": "object",
      "required": ["region_id", "name", "is_primary", "is_read_replica", "status", "latency_ms",
        "consecutive_failures", "last_check_at"],
      "properties": {"region_id": {"type": "string"}, "name": {"type": "string"},
        "is_primary": {"type": "boolean"}, "is_read_replica": {"type": "boolean"},
        "status": {"type": "string"}, "latency_ms": {"type": ["integer", "null"]},
        "consecutive_failures": {"type": "integer"},
        "last_check_at": {"type": ["string", "null"], "format": "date-time"}}}}}}',
  p_description => 'The health of every region');
-- down
select dbkit._unregister_rpc('get_features', 'v2');
select dbkit._unregister_rpc('get_features', 'v3');
select dbkit._unregister_rpc('check_compatibility', 'v1');
select dbkit._unregister_rpc('check_compatibility', 'v2');
select dbkit._unregister_rpc('check_compatibility', 'v3');
select dbkit._unregister_rpc('get_region_health', 'v3');
