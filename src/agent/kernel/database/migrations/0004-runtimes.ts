/** GPUs, what engines measured, terminals' and benchmarks' rows. Telemetry is not journaled: it is no decision. */
export const sql = /* sql */ `
-- One row a minute and GPU, kept for a day. Means, but for the highest temperature.
CREATE TABLE gpu_minutes (
  gpu_uuid            TEXT NOT NULL,
  at                  INTEGER NOT NULL,
  samples             INTEGER NOT NULL,
  memory_used_bytes   INTEGER,
  utilization_percent REAL,
  temperature_celsius REAL,
  power_watts         REAL,
  sm_clock_mhz        REAL,
  PRIMARY KEY (gpu_uuid, at)
) STRICT, WITHOUT ROWID;

CREATE TABLE gpu_events (
  seq      INTEGER PRIMARY KEY,
  at       INTEGER NOT NULL,
  gpu_uuid TEXT,
  kind     TEXT NOT NULL CHECK (kind IN ('xid', 'lost', 'returned', 'throttled')),
  code     INTEGER,
  message  TEXT NOT NULL
) STRICT;
CREATE INDEX gpu_events_by_gpu ON gpu_events (gpu_uuid, at);

-- What an engine reported of its memory, beside what had been calculated: corrects the next estimate.
CREATE TABLE memory_measurements (
  seq           INTEGER PRIMARY KEY,
  content_id    TEXT NOT NULL,
  runtime_spec  TEXT NOT NULL,
  -- Image id, or version of the embedded engine.
  engine_id     TEXT NOT NULL,
  -- Digest of the settings that change memory.
  settings_hash TEXT NOT NULL,
  slot_id       TEXT NOT NULL,
  attempt       INTEGER NOT NULL,
  measured      TEXT NOT NULL,
  estimated     TEXT NOT NULL,
  at            INTEGER NOT NULL
) STRICT;
CREATE INDEX memory_measurements_of ON memory_measurements (content_id, engine_id, settings_hash, seq);

ALTER TABLE slots ADD COLUMN memory_override INTEGER NOT NULL DEFAULT 0 CHECK (memory_override IN (0, 1));
-- Restarts that were asked for; part of what a running container has to match.
ALTER TABLE slots ADD COLUMN restarts INTEGER NOT NULL DEFAULT 0;
-- What the runtime was started with (JSON), as far as a person can change it.
ALTER TABLE slot_attempts ADD COLUMN settings TEXT;
ALTER TABLE slot_attempts ADD COLUMN measured_memory_bytes INTEGER;
-- The load error as it was told when the attempt ended (JSON).
ALTER TABLE slot_attempts ADD COLUMN failure TEXT;

-- The id that stood behind a reference before the one that does now.
ALTER TABLE runtime_images ADD COLUMN changed_from TEXT;

CREATE TABLE benchmarks (
  seq              INTEGER PRIMARY KEY,
  id               TEXT NOT NULL UNIQUE,
  model_id         TEXT NOT NULL REFERENCES models (id),
  version_id       INTEGER NOT NULL REFERENCES versions (id),
  slot_id          TEXT NOT NULL,
  capability       TEXT NOT NULL,
  runtime_spec     TEXT NOT NULL,
  runtime_identity TEXT,
  image_id         TEXT,
  engine_version   TEXT,
  device           TEXT NOT NULL,
  config           TEXT NOT NULL,
  workload         TEXT NOT NULL,
  rounds           TEXT NOT NULL,
  memory_bytes     INTEGER,
  load_ms          INTEGER,
  other_requests   INTEGER NOT NULL,
  note             TEXT,
  created_by       TEXT,
  created_at       INTEGER NOT NULL
) STRICT;
CREATE INDEX benchmarks_model ON benchmarks (model_id, seq);
CREATE INDEX benchmarks_slot ON benchmarks (slot_id, seq);
`;
