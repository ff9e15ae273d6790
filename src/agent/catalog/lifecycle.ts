import { AppError, type ModelConfig } from '../../shared/contract/index.ts';
import {
  decide,
  MODEL_ACTION_ROLES,
  MODEL_EDIT_ROLE,
  type ActionInput,
  type ArtifactState,
  type ModelAction,
  type Refusal,
  type RoleRule,
} from '../../shared/lifecycle/index.ts';
import type { BlobStore, Leavings } from '../artifacts/index.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Database, UnitOfWork } from '../kernel/database/database.ts';
import type { Journal } from '../kernel/journal.ts';
import { assertMay, type Credentials, type Viewer, type Visibility } from '../access/index.ts';
import { credentialFor, remoteContentId } from './cloud-credential.ts';
import type { FactsReader } from './facts.ts';
import { canonicalJson, modelFingerprint } from './fingerprint.ts';
import { declaredConfig, overrideConfig, type ModelRow } from './model-row.ts';
import type { ModelChanges, ModelStore } from './model-store.ts';
import { contentHexOf, type VersionStore } from './version-store.ts';

/** Who asks for a change. The agent itself asks with `null`. */
export interface Actor extends Viewer {
  readonly principalId: string;
}

export interface ChangeOptions {
  readonly ifMatch?: number | null;
  readonly note?: string | undefined;
}

export interface ModelPatch {
  readonly description?: string | undefined;
  readonly tags?: readonly string[] | undefined;
  readonly annotations?: Record<string, string> | undefined;
  readonly metadata?: Record<string, unknown> | undefined;
  readonly config?: ModelConfig | undefined;
  readonly credential_id?: string | undefined;
}

/** A verdict that says no, as the error it is answered with. */
export function refusalError(refusal: Refusal): AppError {
  return new AppError(refusal.code, refusal.reason, {
    hint: refusal.hint,
    details: { guard: refusal.guard, ...refusal.details },
  });
}

/** Every change of a managed model: decide, write, journal, in one transaction. */
export class ModelLifecycle {
  readonly #database: Database;
  readonly #journal: Journal;
  readonly #clock: Clock;
  readonly #models: ModelStore;
  readonly #versions: VersionStore;
  readonly #facts: FactsReader;
  readonly #blobs: BlobStore;
  readonly #visibility: Visibility;
  readonly #credentials: Credentials;
  readonly #onBlocked: (row: ModelRow) => void;

  constructor(deps: {
    database: Database;
    journal: Journal;
    clock: Clock;
    models: ModelStore;
    versions: VersionStore;
    facts: FactsReader;
    blobs: BlobStore;
    visibility: Visibility;
    credentials: Credentials;
    /** Told of every action that the offline profile refused. */
    onBlocked: (row: ModelRow) => void;
  }) {
    this.#database = deps.database;
    this.#journal = deps.journal;
    this.#clock = deps.clock;
    this.#models = deps.models;
    this.#versions = deps.versions;
    this.#facts = deps.facts;
    this.#blobs = deps.blobs;
    this.#visibility = deps.visibility;
    this.#credentials = deps.credentials;
    this.#onBlocked = deps.onBlocked;
  }

  /** A model the viewer may see. @throws {AppError} `not_found`, for an invisible one as well. */
  visible(id: string, viewer: Viewer): ModelRow {
    const row = this.#models.get(id);
    if (this.#visibility.seesThrough(viewer, row) === null)
      throw new AppError('not_found', `There is no model ${id}.`);
    return row;
  }

  /**
   * A model the viewer sees and may do something with: the rule of the action, or of its owner.
   * @throws {AppError} `not_found`, `insufficient_role`.
   */
  permitted(id: string, viewer: Viewer, rule: RoleRule): ModelRow {
    const row = this.visible(id, viewer);
    assertMay(viewer, rule, row.owner_user_id);
    return row;
  }

  async register(id: string, actor: Actor, options: ChangeOptions = {}): Promise<void> {
    await this.#apply(id, 'register', actor, options, (row) => {
      this.#dropValidations(row.id);
      return {
        registered_at: this.#clock.now(),
        stale_reason: row.last_validated_at === null ? null : 'unregistered',
      };
    });
  }

  async activate(id: string, actor: Actor, options: ChangeOptions = {}): Promise<void> {
    await this.#apply(id, 'activate', actor, options, () => ({ activated_at: this.#clock.now() }));
  }

  async deactivate(id: string, actor: Actor, options: ChangeOptions = {}): Promise<void> {
    await this.#apply(id, 'deactivate', actor, options, () => ({ activated_at: null }));
  }

  async unregister(id: string, actor: Actor, options: ChangeOptions = {}): Promise<void> {
    await this.#apply(id, 'unregister', actor, options, (row) => {
      this.#dropValidations(row.id);
      return { registered_at: null, stale_reason: row.last_validated_at === null ? null : 'unregistered' };
    });
  }

  /** Leaves a tombstone. @returns bytes given back on disk. */
  async delete(id: string, actor: Actor, keepFiles: boolean, options: ChangeOptions = {}): Promise<number> {
    const left = await this.bury(id, actor, keepFiles, options);
    return left === null ? 0 : this.#blobs.collect([left]);
  }

  /** The record of a deletion without the files. @returns what may be left that nothing needs. */
  async bury(
    id: string,
    actor: Actor,
    keepFiles: boolean,
    options: ChangeOptions = {},
  ): Promise<Leavings | null> {
    return this.#database.transact((unit) => this.buryNow(unit, id, actor, keepFiles, options));
  }

  /** The same inside a transaction. */
  buryNow(
    unit: UnitOfWork,
    id: string,
    actor: Actor,
    keepFiles: boolean,
    options: ChangeOptions = {},
  ): Leavings | null {
    let left: Leavings | null = null;
    this.#change(unit, id, 'delete', actor, options, (row) => {
      this.#dropValidations(row.id);
      if (!keepFiles && !this.#versions.usedByOthers(row.version_id, row.id)) {
        this.#versions.tombstone(row.version_id);
        left = {
          contentHex: contentHexOf(row.content_id),
          digests: this.#models.files(row.version_id).map((file) => file.sha256),
        };
      }
      return {};
    });
    return left;
  }

  /** Changes what may change. A new configuration makes the validation stale. @throws {AppError} `conflict`. */
  async patch(id: string, actor: Actor, ifMatch: number, patch: ModelPatch): Promise<void> {
    await this.#database.transact((unit) => {
      const row = this.permitted(id, actor, MODEL_EDIT_ROLE);
      assertRev(row, ifMatch);
      const credential = this.#newCredential(row, patch.credential_id, actor);
      const changes: ModelChanges = {
        ...(patch.description === undefined ? {} : { description: patch.description }),
        ...(patch.annotations === undefined ? {} : { annotations: JSON.stringify(patch.annotations) }),
        ...(patch.metadata === undefined ? {} : { metadata: JSON.stringify(patch.metadata) }),
      };
      if (patch.tags !== undefined) this.#models.setTags(id, patch.tags);
      const configChanged =
        patch.config !== undefined && canonicalJson(patch.config) !== canonicalJson(overrideConfig(row));
      const config = configChanged ? this.#newConfig(row, patch.config ?? {}, actor) : {};
      this.#models.update(row, { ...changes, ...config, ...credential });
      this.#journal.append(unit, {
        actorId: actor.principalId,
        action: 'model.changed',
        subject: `model:${id}`,
        data: { fields: Object.keys(patch).toSorted(), ...credential },
      });
      if (configChanged) this.markStale(unit, this.#models.get(id), 'config_changed', actor.principalId);
      if (credential.credential_id !== undefined)
        this.markStale(unit, this.#models.get(id), 'credential_changed', actor.principalId);
    });
  }

  /** Adds and takes tags whatever the others are. @throws {AppError} `invalid_argument` for more than there may be. */
  async retag(
    id: string,
    actor: Actor,
    { add = [], remove = [] }: { add?: readonly string[]; remove?: readonly string[] },
  ): Promise<void> {
    await this.#database.transact((unit) => {
      const row = this.permitted(id, actor, MODEL_EDIT_ROLE);
      const before = this.#models.tags([id]).get(id) ?? [];
      const after = [...new Set([...before, ...add])].filter((tag) => !remove.includes(tag)).toSorted();
      if (after.length > MOST_TAGS)
        throw new AppError(
          'invalid_argument',
          `${id} would have ${after.length} tags; ${MOST_TAGS} are enough.`,
          {
            hint: 'Take some of its tags away first.',
            details: { fields: ['tags'] },
          },
        );
      if (after.join() === before.toSorted().join()) return;
      this.#models.setTags(id, after);
      this.#models.update(row, {});
      this.#journal.append(unit, {
        actorId: actor.principalId,
        action: 'model.changed',
        subject: `model:${id}`,
        data: { fields: ['tags'] },
      });
    });
  }

  /** Inside a transaction: what was validated no longer holds. Does nothing to a model that was never validated. */
  markStale(unit: UnitOfWork, row: ModelRow, reason: string, actorId: string | null): void {
    if (row.validation_current === 0) return;
    this.#dropValidations(row.id);
    const verdict = decide('mark_stale', this.#facts.facts(row));
    if (!verdict.ok) throw refusalError(verdict);
    const leavesActive = row.lifecycle_state === 'active';
    this.#models.update(row, {
      lifecycle_state: verdict.to,
      stale_reason: reason,
      ...(leavesActive ? { activated_at: null } : {}),
    });
    this.#journal.append(unit, {
      actorId,
      action: 'model.validation_stale',
      subject: `model:${row.id}`,
      data: { reason, from: row.lifecycle_state, to: verdict.to },
    });
  }

  /** Looks at the files of a local model now, and records it when they are not as they were. @returns what they are */
  async observeArtifact(id: string): Promise<ArtifactState> {
    const seen = this.#models.get(id);
    const status = await this.#blobs.observe(this.#models.files(seen.version_id));
    if (status === seen.artifact_status) return status;
    await this.#database.transact((unit) => {
      const row = this.#models.get(id);
      if (row.artifact_status === status) return;
      this.#models.update(row, { artifact_status: status });
      this.#journal.append(unit, {
        actorId: null,
        action: 'artifact.state_changed',
        subject: `model:${id}`,
        data: { from: row.artifact_status, to: status },
      });
      // What was validated were the bytes as they were; these are others, or may be.
      if (status !== 'ready') this.markStale(unit, this.#models.get(id), 'content_changed', null);
    });
    return status;
  }

  /** The fingerprint of a model now: bytes, configuration, credential. */
  fingerprint(row: ModelRow): string {
    return modelFingerprint({
      contentId: row.content_id,
      config: { ...declaredConfig(row), ...overrideConfig(row) },
      credentialVersion: this.#credentialVersion(row),
    });
  }

  /** Asks the table inside a transaction; for use cases of other features. @throws the refusal. */
  assertAllowed(action: ModelAction, row: ModelRow, input: ActionInput): { to: ModelRow['lifecycle_state'] } {
    const verdict = decide(action, this.#facts.facts(row), input);
    if (verdict.ok) return { to: verdict.to };
    if (verdict.code === 'offline_not_allowed') this.#onBlocked(row);
    throw refusalError(verdict);
  }

  async #apply(
    id: string,
    action: RequestedChange,
    actor: Actor,
    options: ChangeOptions,
    also: (row: ModelRow) => ModelChanges,
  ): Promise<void> {
    await this.#database.transact((unit) => this.#change(unit, id, action, actor, options, also));
  }

  #change(
    unit: UnitOfWork,
    id: string,
    action: RequestedChange,
    actor: Actor,
    { ifMatch = null, note }: ChangeOptions,
    also: (row: ModelRow) => ModelChanges,
  ): void {
    const row = this.permitted(id, actor, MODEL_ACTION_ROLES[action]);
    if (ifMatch !== null) assertRev(row, ifMatch);
    const { to } = this.assertAllowed(action, row, { note });
    this.#models.update(row, { lifecycle_state: to, ...also(row) });
    this.#journal.append(unit, {
      actorId: actor.principalId,
      action: `model.${PAST[action]}`,
      subject: `model:${id}`,
      data: { from: row.lifecycle_state, to, content_id: row.content_id },
      note,
    });
  }

  /** Which secret of which credential; both a new credential and a new secret change the fingerprint. */
  #credentialVersion({ credential_id: id }: ModelRow): string | null {
    return id === null ? null : `${id}:${this.#credentials.summary(id)?.version ?? 0}`;
  }

  /** Another credential for the same model at the same address. @throws {AppError} what `credentialFor` says. */
  #newCredential(row: ModelRow, id: string | undefined, actor: Actor): { credential_id?: string } {
    if (id === undefined) return {};
    if (row.hosting === 'local') {
      throw new AppError('invalid_argument', `${row.id} runs on this node and needs no credential.`, {
        hint: 'Leave credential_id out.',
        details: { fields: ['credential_id'] },
      });
    }
    const credential = credentialFor(this.#credentials, id, row, actor);
    if (remoteContentId(row.provider_model_id ?? '', credential.api_base_url) !== row.content_id) {
      throw new AppError(
        'invalid_argument',
        'This credential is for another address, and a model is what one address runs.',
        {
          hint: 'Choose a credential of the same address, or add the model of that address as a new one.',
          details: { fields: ['credential_id'] },
        },
      );
    }
    return id === row.credential_id ? {} : { credential_id: id };
  }

  #newConfig(row: ModelRow, config: ModelConfig, actor: Actor): ModelChanges {
    if (row.hosting === 'cloud') {
      throw new AppError('invalid_argument', `${row.id} runs at a provider; this node sets none of that.`, {
        hint: 'Leave config out.',
        details: { fields: ['config'] },
      });
    }
    const revision = row.config_revision + 1;
    this.#models.addConfigRevision(row.id, revision, JSON.stringify(config), actor.principalId);
    return { config_override: JSON.stringify(config), config_revision: revision };
  }

  #dropValidations(modelId: string): void {
    this.#database.prepare('DELETE FROM current_validations WHERE model_id = :modelId').run({ modelId });
  }
}

const MOST_TAGS = 50;

type RequestedChange = 'register' | 'activate' | 'deactivate' | 'unregister' | 'delete';

const PAST = {
  register: 'registered',
  activate: 'activated',
  deactivate: 'deactivated',
  unregister: 'unregistered',
  delete: 'deleted',
} as const satisfies Record<RequestedChange, string>;

/** @throws {AppError} `conflict` when the rev that was read is not the one there is. */
export function assertRev(row: Pick<ModelRow, 'id' | 'rev'>, ifMatch: number): void {
  if (row.rev === ifMatch) return;
  throw new AppError(
    'conflict',
    `${row.id} was changed since you read it (rev ${ifMatch}, now ${row.rev}). Your change was not made.`,
    {
      details: { rev: row.rev },
    },
  );
}
