-- Granted to nobody: cursors are made and opened by two SECURITY DEFINER functions, which take the caller's
-- identity from the session and not from an argument. The two blocks are those of HMAC (RFC 2104), worked out
-- once: a signature is then two calls of sha256.
create table dbkit.api_cursor_keys (
  key_id int primary key generated always as identity,
  inner_block bytea not null check (length(inner_block) = 64),
  outer_block bytea not null check (length(outer_block) = 64),
  created_at timestamptz not null
);
comment on table dbkit.api_cursor_keys is
  'Keys that sign cursors, of 64 random bytes. The newest signs; the one before is still good for reading.';
comment on column dbkit.api_cursor_keys.inner_block is 'The key, each byte exclusive-or 0x36.';
comment on column dbkit.api_cursor_keys.outer_block is 'The key, each byte exclusive-or 0x5c.';
