/**
 * Access, provider credentials, families with aliases and cards, cloud models, usage with its ring of events, saved
 * views. Times are milliseconds since the epoch, JSON is text.
 */
export const sql = /* sql */ `
-- People and services -------------------------------------------------------------------------------------------
ALTER TABLE principals ADD COLUMN rev INTEGER NOT NULL DEFAULT 1;
ALTER TABLE principals ADD COLUMN display_name TEXT NOT NULL DEFAULT '';
-- An erased principal keeps its id for the journal and gives its name free.
ALTER TABLE principals ADD COLUMN erased_at INTEGER;
CREATE UNIQUE INDEX principals_name ON principals (name) WHERE erased_at IS NULL;

CREATE TABLE groups (
  id          TEXT PRIMARY KEY,
  rev         INTEGER NOT NULL DEFAULT 1,
  name        TEXT NOT NULL UNIQUE,
  description TEXT NOT NULL DEFAULT '',
  created_at  INTEGER NOT NULL
) STRICT;

CREATE TABLE group_members (
  group_id     TEXT NOT NULL REFERENCES groups (id) ON DELETE CASCADE,
  principal_id TEXT NOT NULL REFERENCES principals (id),
  PRIMARY KEY (principal_id, group_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX group_members_group ON group_members (group_id);

-- JSON array of scopes; null is all of them.
ALTER TABLE api_keys ADD COLUMN scopes TEXT;
ALTER TABLE api_keys ADD COLUMN rate_limit_per_minute INTEGER;
ALTER TABLE api_keys ADD COLUMN daily_token_budget INTEGER;
-- Deferred: in a rotation the old key steps out of the index of names before the new one is written.
ALTER TABLE api_keys ADD COLUMN replaced_by TEXT REFERENCES api_keys (id) DEFERRABLE INITIALLY DEFERRED;
-- The first of the keys that share their limits: what was rotated, and sessions opened with any of them. Null: itself.
ALTER TABLE api_keys ADD COLUMN limits_of TEXT REFERENCES api_keys (id);
-- With which key a session was opened; it ends with that key.
ALTER TABLE api_keys ADD COLUMN opened_by TEXT REFERENCES api_keys (id);
-- When its end was seen. A clock that is set back does not bring it back.
ALTER TABLE api_keys ADD COLUMN expired_at INTEGER;
-- During the overlap of a rotation the old and the new key share a name.
DROP INDEX api_keys_name;
CREATE UNIQUE INDEX api_keys_name ON api_keys (name)
  WHERE revoked_at IS NULL AND replaced_by IS NULL AND kind <> 'session';
CREATE INDEX api_keys_principal ON api_keys (principal_id);
CREATE INDEX api_keys_limits ON api_keys (limits_of) WHERE limits_of IS NOT NULL;
CREATE INDEX api_keys_opened ON api_keys (opened_by) WHERE opened_by IS NOT NULL;
-- Keys of programs shared the principal of whoever made them; each becomes a service of its own.
INSERT INTO principals (id, kind, name, role, created_at)
  SELECT id, 'service', CASE name WHEN 'admin' THEN 'key-' || id ELSE name END, role, created_at FROM api_keys
  WHERE kind = 'api' AND revoked_at IS NULL;
UPDATE api_keys SET principal_id = id WHERE kind = 'api' AND revoked_at IS NULL;

-- Whom models of the scopes user and group are assigned to.
CREATE TABLE model_users (
  model_id     TEXT NOT NULL REFERENCES models (id),
  principal_id TEXT NOT NULL REFERENCES principals (id),
  PRIMARY KEY (principal_id, model_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX model_users_model ON model_users (model_id);

CREATE TABLE model_groups (
  model_id TEXT NOT NULL REFERENCES models (id),
  group_id TEXT NOT NULL REFERENCES groups (id) ON DELETE CASCADE,
  PRIMARY KEY (group_id, model_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX model_groups_model ON model_groups (model_id);

CREATE TABLE saved_views (
  principal_id TEXT NOT NULL REFERENCES principals (id),
  name         TEXT NOT NULL,
  place        TEXT NOT NULL,
  query        TEXT NOT NULL,
  updated_at   INTEGER NOT NULL,
  PRIMARY KEY (principal_id, name)
) STRICT, WITHOUT ROWID;

-- Providers -----------------------------------------------------------------------------------------------------
-- The secret itself lies in secrets under credential:<id>.
CREATE TABLE credentials (
  id               TEXT PRIMARY KEY,
  rev              INTEGER NOT NULL DEFAULT 1,
  provider         TEXT NOT NULL,
  display_name     TEXT NOT NULL,
  credential_scope TEXT NOT NULL CHECK (credential_scope IN ('personal', 'platform')),
  owner_user_id    TEXT NOT NULL REFERENCES principals (id),
  api_base_url     TEXT NOT NULL,
  api_key_last4    TEXT NOT NULL,
  allowed_ranges   TEXT NOT NULL DEFAULT '[]',
  version          INTEGER NOT NULL DEFAULT 1,
  last_probe       TEXT,
  created_by       TEXT,
  created_at       INTEGER NOT NULL,
  updated_at       INTEGER NOT NULL,
  revoked_at       INTEGER
) STRICT;
CREATE UNIQUE INDEX credentials_name ON credentials (owner_user_id, provider, display_name) WHERE revoked_at IS NULL;

ALTER TABLE models ADD COLUMN provider_model_id TEXT;
CREATE INDEX models_at_providers ON models (lifecycle_state) WHERE hosting = 'cloud';
CREATE INDEX models_by_credential ON models (credential_id) WHERE credential_id IS NOT NULL;

-- Families ------------------------------------------------------------------------------------------------------
ALTER TABLE families ADD COLUMN rev INTEGER NOT NULL DEFAULT 1;
ALTER TABLE families ADD COLUMN card TEXT NOT NULL DEFAULT '';
ALTER TABLE families ADD COLUMN tags TEXT NOT NULL DEFAULT '[]';
ALTER TABLE families ADD COLUMN owner_user_id TEXT REFERENCES principals (id);
ALTER TABLE families ADD COLUMN updated_at INTEGER NOT NULL DEFAULT 0;
UPDATE families SET updated_at = created_at;

CREATE TABLE aliases (
  family_id  INTEGER NOT NULL REFERENCES families (id),
  alias      TEXT NOT NULL,
  version_id INTEGER NOT NULL REFERENCES versions (id),
  updated_by TEXT,
  updated_at INTEGER NOT NULL,
  PRIMARY KEY (family_id, alias)
) STRICT, WITHOUT ROWID;
CREATE INDEX aliases_version ON aliases (version_id);

-- Proof ---------------------------------------------------------------------------------------------------------
-- What every validator that was asked found.
ALTER TABLE validations ADD COLUMN checks TEXT NOT NULL DEFAULT '[]';
ALTER TABLE current_validations ADD COLUMN expires_at INTEGER;
CREATE INDEX current_validations_expiry ON current_validations (expires_at) WHERE expires_at IS NOT NULL;

-- Usage ---------------------------------------------------------------------------------------------------------
ALTER TABLE usage_daily ADD COLUMN streams INTEGER NOT NULL DEFAULT 0;
ALTER TABLE usage_daily ADD COLUMN latency_max_ms INTEGER NOT NULL DEFAULT 0;
-- Holds every figure, so that sums over days read this alone.
CREATE INDEX usage_daily_day ON usage_daily (day, model_id, key_id, calls, errors, streams, prompt_tokens,
  completion_tokens, latency_ms, latency_max_ms);
CREATE INDEX usage_daily_key ON usage_daily (key_id, day);

-- The sample is left out of every sum.
CREATE INDEX models_sample ON models (id) WHERE is_sample = 1;

-- The latest calls; the oldest rows go when there are more than the ring holds.
CREATE TABLE usage_events (
  seq               INTEGER PRIMARY KEY AUTOINCREMENT,
  at                INTEGER NOT NULL,
  request_id        TEXT NOT NULL,
  model_id          TEXT NOT NULL,
  key_id            TEXT NOT NULL,
  route             TEXT NOT NULL,
  ok                INTEGER NOT NULL CHECK (ok IN (0, 1)),
  error             TEXT,
  streamed          INTEGER NOT NULL CHECK (streamed IN (0, 1)),
  prompt_tokens     INTEGER NOT NULL,
  completion_tokens INTEGER NOT NULL,
  latency_ms        REAL NOT NULL,
  first_byte_ms     REAL
) STRICT;
CREATE INDEX usage_events_model ON usage_events (model_id, seq);
CREATE INDEX usage_events_key ON usage_events (key_id, seq);
`;
