import {
  eligibility,
  type CallerFacts,
  type CredentialState,
  type Eligibility,
  type EligibilityFacts,
  type ModelFacts,
  type Purpose,
} from '../../shared/lifecycle/index.ts';
import type { Credentials, Viewer, Visibility } from '../access/index.ts';
import { toIso, toIsoOrNull, type Clock } from '../kernel/clock.ts';
import type { Database, Statement } from '../kernel/database/database.ts';
import type { Profile } from '../kernel/profile.ts';
import type { ModelRow } from './model-row.ts';
import type { CatalogPorts } from './ports.ts';

/** Gathers what the pure rules ask about a model. */
export class FactsReader {
  readonly #ports: CatalogPorts;
  readonly #profile: () => Profile;
  readonly #visibility: Visibility;
  readonly #credentials: Credentials;
  readonly #clock: Clock;
  readonly #validated: Statement<{ validation_id: string }>;
  readonly #aliases: Statement<{ alias: string }>;

  constructor(
    database: Database,
    ports: CatalogPorts,
    profile: () => Profile,
    visibility: Visibility,
    credentials: Credentials,
    clock: Clock,
  ) {
    this.#clock = clock;
    this.#visibility = visibility;
    this.#credentials = credentials;
    this.#ports = ports;
    this.#profile = profile;
    this.#validated = database.prepare(
      'SELECT validation_id FROM current_validations WHERE model_id = :modelId AND runtime_identity = :identity',
    );
    this.#aliases = database.prepare(
      'SELECT alias FROM aliases WHERE version_id = :versionId ORDER BY alias',
    );
  }

  facts(row: ModelRow): ModelFacts {
    // Whoever ends it may be late; who asks is not.
    const expired = row.validation_expires_at !== null && row.validation_expires_at <= this.#clock.now();
    return {
      id: row.id,
      hosting: row.hosting,
      lifecycle_state: row.lifecycle_state,
      recalled:
        row.recall_reason === null
          ? null
          : { reason: row.recall_reason, by: row.recalled_by ?? 'the registry' },
      artifact_status: row.artifact_status,
      credential: this.credentialState(row),
      profile: this.#profile(),
      validation_current: row.validation_current === 1 && !expired,
      validation_stale_reason: expired ? 'expired' : row.stale_reason,
      assigned_slots: this.#ports.slots.assignedTo(row.id),
      bindings: this.#ports.bindings.bindingsOf(row.id),
      aliases: this.#aliases.all({ versionId: row.version_id }).map(({ alias }) => alias),
      holds: [],
    };
  }

  credentialState({ hosting, credential_id: id }: ModelRow): CredentialState {
    if (hosting === 'local') return 'not_required';
    const credential = id === null ? null : this.#credentials.summary(id);
    if (credential === null) return 'missing';
    return credential.revoked_at === null ? 'active' : 'revoked';
  }

  /** Whether a caller may use a model for a purpose now, and all that is missing. */
  eligibility(row: ModelRow, viewer: Viewer, purpose: Purpose): Eligibility {
    return eligibility(this.eligibilityFacts(row), this.#callerFacts(row, viewer), purpose, this.#profile());
  }

  eligibilityFacts(row: ModelRow): EligibilityFacts {
    const last = this.#ports.tests.last(row.id);
    return {
      ...this.facts(row),
      artifact_fact: artifactFact(row),
      registered_at: toIsoOrNull(row.registered_at),
      last_test: last === null ? null : { ...last, at: toIso(last.at) },
      validated_at: toIsoOrNull(row.last_validated_at),
      approval: { required: false, state: row.approval_state, fact: '' },
      activated_at: toIsoOrNull(row.activated_at),
      loaded: this.#ports.slots.loadedIn(row.id).map((slot) => ({
        slot_id: slot.slot_id,
        validated: this.isValidatedOn(row.id, slot.runtime_identity),
        since: toIsoOrNull(slot.since),
      })),
    };
  }

  #callerFacts(row: ModelRow, viewer: Viewer): CallerFacts {
    const through = this.#visibility.seesThrough(viewer, row);
    return { visible: through !== null, through: through ?? '' };
  }

  /** Whether a model holds a validation for exactly this runtime identity. */
  isValidatedOn(modelId: string, identity: string | null): boolean {
    return identity !== null && this.#validated.get({ modelId, identity }) !== undefined;
  }
}

function artifactFact(row: ModelRow): string {
  if (row.artifact_status !== 'ready') return `The files are ${row.artifact_status}.`;
  return 'Every file has the digest it was stored under.';
}
