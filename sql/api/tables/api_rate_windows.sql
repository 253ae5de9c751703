-- Counters: unlogged, since after a crash a window more is nothing. One row a counter, whose window moves on,
-- not one a window; room in the pages keeps its updates off the index.
create table dbkit.api_rate_windows (
  consumer text collate "C" not null,
  call text collate "C" not null,
  window_seconds int not null,
  window_start timestamptz not null,
  taken bigint not null,
  granted int not null,
  primary key (consumer, call, window_seconds)
) with (fillfactor = 50);
alter table dbkit.api_rate_windows set unlogged;
comment on table dbkit.api_rate_windows is
  'How many calls were taken of the newest window of a limit; after a crash it is empty.';
comment on column dbkit.api_rate_windows.window_start is 'Windows are aligned to the epoch.';
comment on column dbkit.api_rate_windows.granted is
  'What the last who asked got; read back by the same statement.';
