/** The first schema. Times are milliseconds since the epoch, sizes are bytes, JSON is text. */
export const sql = /* sql */ `
CREATE TABLE meta (
  key   TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE settings (
  key        TEXT PRIMARY KEY,
  value      TEXT NOT NULL,
  updated_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The journal: audit log and durable event stream ---------------------------------------------------------------
CREATE TABLE journal (
  seq       INTEGER PRIMARY KEY,
  at        INTEGER NOT NULL,
  actor_id  TEXT,
  action    TEXT NOT NULL,
  subject   TEXT,
  data      TEXT,
  data_hash TEXT NOT NULL,
  prev_hash TEXT NOT NULL,
  hash      TEXT NOT NULL
) STRICT;
CREATE INDEX journal_subject ON journal (subject, seq);
CREATE TRIGGER journal_no_delete BEFORE DELETE ON journal BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER journal_no_update BEFORE UPDATE ON journal
WHEN NEW.data IS NOT NULL OR NEW.seq <> OLD.seq OR NEW.at <> OLD.at OR NEW.actor_id IS NOT OLD.actor_id
  OR NEW.action <> OLD.action OR NEW.subject IS NOT OLD.subject OR NEW.data_hash <> OLD.data_hash
  OR NEW.prev_hash <> OLD.prev_hash OR NEW.hash <> OLD.hash
BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;

CREATE TABLE journal_notes (
  seq  INTEGER PRIMARY KEY REFERENCES journal (seq),
  note TEXT NOT NULL
) STRICT;

CREATE TABLE journal_heads (
  seq             INTEGER PRIMARY KEY REFERENCES journal (seq),
  hash            TEXT NOT NULL,
  signed_at       INTEGER NOT NULL,
  key_fingerprint TEXT NOT NULL,
  signature       TEXT NOT NULL
) STRICT;

-- People, keys, secrets -----------------------------------------------------------------------------------------
CREATE TABLE principals (
  id          TEXT PRIMARY KEY,
  kind        TEXT NOT NULL CHECK (kind IN ('person', 'service', 'system')),
  name        TEXT NOT NULL,
  role        TEXT NOT NULL CHECK (role IN ('user', 'reviewer', 'admin', 'superadmin')),
  created_at  INTEGER NOT NULL,
  disabled_at INTEGER
) STRICT;

CREATE TABLE api_keys (
  id           TEXT PRIMARY KEY,
  principal_id TEXT NOT NULL REFERENCES principals (id),
  kind         TEXT NOT NULL CHECK (kind IN ('admin', 'api', 'session', 'desktop')),
  name         TEXT NOT NULL,
  role         TEXT NOT NULL CHECK (role IN ('user', 'reviewer', 'admin', 'superadmin')),
  hash         BLOB NOT NULL UNIQUE,
  last4        TEXT NOT NULL,
  created_at   INTEGER NOT NULL,
  created_by   TEXT,
  expires_at   INTEGER,
  idle_ms      INTEGER,
  last_used_at INTEGER,
  revoked_at   INTEGER
) STRICT;
CREATE UNIQUE INDEX api_keys_name ON api_keys (name) WHERE revoked_at IS NULL AND kind <> 'session';

CREATE TABLE secrets (
  name       TEXT PRIMARY KEY,
  key_id     TEXT NOT NULL,
  nonce      BLOB NOT NULL,
  ciphertext BLOB NOT NULL,
  updated_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Jobs ----------------------------------------------------------------------------------------------------------
CREATE TABLE jobs (
  id               TEXT PRIMARY KEY,
  kind             TEXT NOT NULL,
  subject          TEXT,
  title            TEXT NOT NULL,
  dedupe_key       TEXT,
  state            TEXT NOT NULL CHECK (state IN ('queued', 'running', 'succeeded', 'failed', 'cancelled')),
  payload          TEXT NOT NULL,
  checkpoint       TEXT,
  progress         TEXT,
  result           TEXT,
  error            TEXT,
  attempt          INTEGER NOT NULL DEFAULT 0,
  cancel_requested INTEGER NOT NULL DEFAULT 0 CHECK (cancel_requested IN (0, 1)),
  lease_until      INTEGER,
  run_after        INTEGER NOT NULL,
  created_by       TEXT,
  created_at       INTEGER NOT NULL,
  started_at       INTEGER,
  finished_at      INTEGER
) STRICT;
CREATE INDEX jobs_state ON jobs (state, run_after);
CREATE INDEX jobs_subject ON jobs (subject);
CREATE UNIQUE INDEX jobs_dedupe ON jobs (dedupe_key) WHERE state IN ('queued', 'running');

-- Bytes ---------------------------------------------------------------------------------------------------------
CREATE TABLE blobs (
  sha256      TEXT PRIMARY KEY CHECK (length(sha256) = 64),
  size        INTEGER NOT NULL CHECK (size >= 0),
  state       TEXT NOT NULL CHECK (state IN ('ready', 'verifying', 'missing', 'corrupt', 'quarantined')),
  dev         TEXT NOT NULL,
  ino         TEXT NOT NULL,
  mtime_ns    TEXT NOT NULL,
  adopted     TEXT NOT NULL CHECK (adopted IN ('copy', 'reflink', 'link')),
  created_at  INTEGER NOT NULL,
  verified_at INTEGER NOT NULL
) STRICT;

-- Catalogue -----------------------------------------------------------------------------------------------------
CREATE TABLE families (
  id          INTEGER PRIMARY KEY,
  uid         TEXT NOT NULL UNIQUE,
  name        TEXT NOT NULL UNIQUE,
  description TEXT NOT NULL DEFAULT '',
  task_key    TEXT NOT NULL,
  latest_seq  INTEGER NOT NULL DEFAULT 0,
  created_at  INTEGER NOT NULL
) STRICT;

CREATE TABLE versions (
  id             INTEGER PRIMARY KEY,
  family_id      INTEGER NOT NULL REFERENCES families (id),
  seq            INTEGER NOT NULL CHECK (seq > 0),
  label          TEXT,
  content_id     TEXT NOT NULL,
  kind           TEXT NOT NULL CHECK (kind IN ('local', 'remote')),
  framework      TEXT,
  format         TEXT,
  source         TEXT NOT NULL,
  source_id      TEXT,
  revision       TEXT,
  size_bytes     INTEGER NOT NULL DEFAULT 0,
  inferred       TEXT NOT NULL DEFAULT '{}',
  declared       TEXT NOT NULL DEFAULT '{}',
  approval_state TEXT NOT NULL DEFAULT 'none' CHECK (approval_state IN ('none', 'pending', 'approved', 'rejected')),
  stage          TEXT NOT NULL DEFAULT 'none' CHECK (stage IN ('none', 'staging', 'shadow', 'canary', 'production', 'archived')),
  published_at   INTEGER NOT NULL,
  tombstoned_at  INTEGER,
  UNIQUE (family_id, seq)
) STRICT;
CREATE UNIQUE INDEX versions_label ON versions (family_id, label) WHERE label IS NOT NULL;
CREATE INDEX versions_content ON versions (content_id);

CREATE TABLE version_files (
  version_id INTEGER NOT NULL REFERENCES versions (id),
  path       TEXT NOT NULL,
  sha256     TEXT NOT NULL,
  size       INTEGER NOT NULL,
  counted    INTEGER NOT NULL CHECK (counted IN (0, 1)),
  PRIMARY KEY (version_id, path)
) STRICT, WITHOUT ROWID;
CREATE INDEX version_files_blob ON version_files (sha256);

CREATE TRIGGER versions_immutable BEFORE UPDATE ON versions
WHEN NEW.family_id <> OLD.family_id OR NEW.seq <> OLD.seq OR NEW.label IS NOT OLD.label OR NEW.content_id <> OLD.content_id
  OR NEW.declared <> OLD.declared OR NEW.published_at <> OLD.published_at
BEGIN SELECT RAISE(ABORT, 'a published version is immutable'); END;
CREATE TRIGGER versions_no_delete BEFORE DELETE ON versions BEGIN SELECT RAISE(ABORT, 'versions leave a tombstone'); END;

CREATE TABLE models (
  rowid_             INTEGER PRIMARY KEY,
  id                 TEXT NOT NULL UNIQUE,
  rev                INTEGER NOT NULL DEFAULT 1,
  version_id         INTEGER NOT NULL REFERENCES versions (id),
  name               TEXT NOT NULL,
  seq                INTEGER NOT NULL,
  task_key           TEXT NOT NULL,
  hosting            TEXT NOT NULL CHECK (hosting IN ('local', 'cloud')),
  provider           TEXT NOT NULL,
  visibility_scope   TEXT NOT NULL CHECK (visibility_scope IN ('private', 'user', 'group', 'platform')),
  owner_type         TEXT NOT NULL CHECK (owner_type IN ('user', 'platform')),
  owner_user_id      TEXT REFERENCES principals (id),
  lifecycle_state    TEXT NOT NULL CHECK (lifecycle_state IN
                       ('created', 'registered', 'validated', 'active', 'inactive', 'unregistered', 'deleted')),
  artifact_status    TEXT NOT NULL CHECK (artifact_status IN
                       ('absent', 'partial', 'verifying', 'ready', 'missing', 'corrupt', 'quarantined')),
  is_sample          INTEGER NOT NULL DEFAULT 0 CHECK (is_sample IN (0, 1)),
  description        TEXT NOT NULL DEFAULT '',
  annotations        TEXT NOT NULL DEFAULT '{}',
  metadata           TEXT NOT NULL DEFAULT '{}',
  config_override    TEXT NOT NULL DEFAULT '{}',
  config_revision    INTEGER NOT NULL DEFAULT 0,
  credential_id      TEXT,
  stale_reason       TEXT,
  recalled_by        TEXT,
  recall_reason      TEXT,
  last_test_run_id   TEXT,
  last_validation_id TEXT,
  last_validated_at  INTEGER,
  registered_at      INTEGER,
  activated_at       INTEGER,
  created_at         INTEGER NOT NULL,
  updated_at         INTEGER NOT NULL
) STRICT;
-- Every list runs on one of these; a tombstone is out of all of them.
CREATE INDEX models_by_name ON models (name, seq, id) WHERE lifecycle_state <> 'deleted';
CREATE INDEX models_by_created ON models (created_at, id) WHERE lifecycle_state <> 'deleted';
CREATE INDEX models_by_state ON models (lifecycle_state, name, seq, id) WHERE lifecycle_state <> 'deleted';
CREATE INDEX models_by_version ON models (version_id);

CREATE TABLE model_tags (
  model_id TEXT NOT NULL REFERENCES models (id),
  tag      TEXT NOT NULL,
  PRIMARY KEY (tag, model_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX model_tags_model ON model_tags (model_id);

CREATE TABLE model_config_revisions (
  model_id   TEXT NOT NULL REFERENCES models (id),
  revision   INTEGER NOT NULL,
  config     TEXT NOT NULL,
  actor_id   TEXT,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (model_id, revision)
) STRICT, WITHOUT ROWID;

-- Proof ---------------------------------------------------------------------------------------------------------
CREATE TABLE test_runs (
  seq              INTEGER PRIMARY KEY,
  id               TEXT NOT NULL UNIQUE,
  model_id         TEXT NOT NULL REFERENCES models (id),
  task_key         TEXT NOT NULL,
  slot_id          TEXT,
  result           TEXT NOT NULL CHECK (result IN ('success', 'failure')),
  summary          TEXT NOT NULL,
  input_payload    TEXT NOT NULL,
  output_payload   TEXT NOT NULL,
  error_details    TEXT,
  latency_ms       INTEGER,
  fingerprint      TEXT NOT NULL,
  runtime_identity TEXT,
  actor_id         TEXT,
  created_at       INTEGER NOT NULL
) STRICT;
CREATE INDEX test_runs_model ON test_runs (model_id, seq);

CREATE TABLE validations (
  seq              INTEGER PRIMARY KEY,
  id               TEXT NOT NULL UNIQUE,
  model_id         TEXT NOT NULL REFERENCES models (id),
  validator_kind   TEXT NOT NULL,
  trigger_reason   TEXT NOT NULL,
  result           TEXT NOT NULL CHECK (result IN ('success', 'failure')),
  summary          TEXT NOT NULL,
  error_details    TEXT,
  test_run_id      TEXT,
  fingerprint      TEXT NOT NULL,
  runtime_identity TEXT,
  actor_id         TEXT,
  expires_at       INTEGER,
  created_at       INTEGER NOT NULL
) STRICT;
CREATE INDEX validations_model ON validations (model_id, seq);

CREATE TRIGGER test_runs_no_update BEFORE UPDATE ON test_runs BEGIN SELECT RAISE(ABORT, 'histories are append-only'); END;
CREATE TRIGGER test_runs_no_delete BEFORE DELETE ON test_runs BEGIN SELECT RAISE(ABORT, 'histories are append-only'); END;
CREATE TRIGGER validations_no_update BEFORE UPDATE ON validations BEGIN SELECT RAISE(ABORT, 'histories are append-only'); END;
CREATE TRIGGER validations_no_delete BEFORE DELETE ON validations BEGIN SELECT RAISE(ABORT, 'histories are append-only'); END;

-- One row per runtime identity the model is validated on now. What makes it stale deletes rows here.
CREATE TABLE current_validations (
  model_id         TEXT NOT NULL REFERENCES models (id),
  runtime_identity TEXT NOT NULL,
  validation_id    TEXT NOT NULL REFERENCES validations (id),
  test_run_seq     INTEGER NOT NULL,
  fingerprint      TEXT NOT NULL,
  PRIMARY KEY (model_id, runtime_identity)
) STRICT, WITHOUT ROWID;

-- Slots ---------------------------------------------------------------------------------------------------------
CREATE TABLE slots (
  id               TEXT PRIMARY KEY,
  rev              INTEGER NOT NULL DEFAULT 1,
  display_name     TEXT NOT NULL,
  capability       TEXT NOT NULL,
  runtime_spec     TEXT NOT NULL,
  enabled          INTEGER NOT NULL DEFAULT 1 CHECK (enabled IN (0, 1)),
  gpu_ids          TEXT NOT NULL DEFAULT '[]',
  config           TEXT NOT NULL DEFAULT '{}',
  desired_model_id TEXT REFERENCES models (id),
  -- Counts every wish: a new number makes the reconciler start again and forget a crash loop.
  generation       INTEGER NOT NULL DEFAULT 0,
  load_state       TEXT NOT NULL DEFAULT 'empty' CHECK (load_state IN ('empty', 'loading', 'reconciling', 'loaded', 'error')),
  load_error       TEXT,
  since            INTEGER,
  created_at       INTEGER NOT NULL
) STRICT;
CREATE INDEX slots_desired ON slots (desired_model_id) WHERE desired_model_id IS NOT NULL;

CREATE TABLE slot_attempts (
  slot_id          TEXT NOT NULL REFERENCES slots (id) ON DELETE CASCADE,
  attempt          INTEGER NOT NULL,
  model_id         TEXT NOT NULL,
  generation       INTEGER NOT NULL,
  config_hash      TEXT NOT NULL,
  runtime_identity TEXT,
  image_id         TEXT,
  started_at       INTEGER NOT NULL,
  loaded_at        INTEGER,
  ended_at         INTEGER,
  exit_code        INTEGER,
  error            TEXT,
  PRIMARY KEY (slot_id, attempt)
) STRICT, WITHOUT ROWID;

-- The image id first seen behind a reference that carries no digest.
CREATE TABLE runtime_images (
  reference  TEXT PRIMARY KEY,
  image_id   TEXT NOT NULL,
  seen_at    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Usage ---------------------------------------------------------------------------------------------------------
CREATE TABLE usage_daily (
  day               TEXT NOT NULL,
  model_id          TEXT NOT NULL,
  key_id            TEXT NOT NULL,
  calls             INTEGER NOT NULL DEFAULT 0,
  errors            INTEGER NOT NULL DEFAULT 0,
  prompt_tokens     INTEGER NOT NULL DEFAULT 0,
  completion_tokens INTEGER NOT NULL DEFAULT 0,
  latency_ms        INTEGER NOT NULL DEFAULT 0,
  last_used_at      INTEGER NOT NULL,
  PRIMARY KEY (model_id, day, key_id)
) STRICT, WITHOUT ROWID;
`;
