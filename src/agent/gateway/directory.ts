import { AppError, capabilityOf, type Capability } from '../../shared/contract/index.ts';
import {
  INVOCATION_REFUSALS,
  type CredentialState,
  type EligibilityReason,
} from '../../shared/lifecycle/index.ts';
import type { Viewer, Visibility } from '../access/index.ts';
import type { FactsReader, ModelRow, ModelStore } from '../catalog/index.ts';
import type { EventHub } from '../kernel/event-hub.ts';
import type { SlotEndpoint, Slots } from '../runtimes/index.ts';

export interface Target {
  readonly model: ModelRow;
  /** null for a model that runs at a provider. */
  readonly endpoint: SlotEndpoint | null;
}

/** Finds who answers a call: the model that is named, or a refusal with the reason. */
export class ServingDirectory {
  readonly #models: ModelStore;
  readonly #facts: FactsReader;
  readonly #slots: Slots;
  readonly #visibility: Visibility;
  readonly #onBlocked: (model: ModelRow) => void;
  /** Rows that calls named, kept until something changes a model. */
  readonly #cache = new Map<string, { row: ModelRow; identities: Map<string, boolean> }>();

  constructor(deps: {
    models: ModelStore;
    facts: FactsReader;
    slots: Slots;
    hub: EventHub;
    visibility: Visibility;
    /** Told when a call is refused because the node is offline. */
    onBlocked: (model: ModelRow) => void;
  }) {
    this.#models = deps.models;
    this.#facts = deps.facts;
    this.#slots = deps.slots;
    this.#visibility = deps.visibility;
    this.#onBlocked = deps.onBlocked;
    deps.hub.onJournal((record) => {
      if (record.subject?.startsWith('model:') === true)
        this.#cache.delete(record.subject.slice('model:'.length));
    });
  }

  /** Models this viewer can call now: those that are loaded, and those that answer from a provider. */
  served(viewer: Viewer): ModelRow[] {
    const loaded = [...this.#slots.loadedModelIds()].flatMap((id) => this.#models.find(id) ?? []);
    return [...loaded, ...this.#models.activeAtProviders(viewer)]
      .filter((row) => this.#reasons(row, viewer).length === 0)
      .toSorted((a, b) => (a.id < b.id ? -1 : 1));
  }

  /** A model if this viewer can call it now. */
  callable(id: string, viewer: Viewer): ModelRow | null {
    const row = this.#models.find(id);
    return row !== undefined && this.#reasons(row, viewer).length === 0 ? row : null;
  }

  /**
   * Who answers a call: a runtime that serves exactly the named model and on which it is validated, or its provider.
   * @param field the field of the body that named it, for the refusal
   * @throws {AppError} the first of `INVOCATION_REFUSALS` that holds.
   */
  target(name: string, viewer: Viewer, capability: Capability, field = 'model'): Target {
    const known = this.#lookUp(name);
    if (known?.row.hosting === 'cloud') return this.#atProvider(name, viewer, capability, field);
    if (
      known !== null &&
      known.row.lifecycle_state === 'active' &&
      known.row.recall_reason === null &&
      this.#visibility.seesThrough(viewer, known.row) !== null
    ) {
      const { row } = known;
      const endpoint = this.#slots
        .endpoints(name)
        .find((one) => this.#isValidated(known, one.runtimeIdentity));
      if (endpoint !== undefined) {
        assertCapability(row, capability, field);
        return { model: row, endpoint };
      }
    }
    throw this.#refusal(name, viewer, field);
  }

  /** Asked of the database each time: next to a call to a provider it costs nothing. */
  #atProvider(name: string, viewer: Viewer, capability: Capability, field: string): Target {
    const row = this.#models.find(name);
    if (row === undefined || this.#reasons(row, viewer).length > 0) throw this.#refusal(name, viewer, field);
    assertCapability(row, capability, field);
    return { model: row, endpoint: null };
  }

  #reasons(row: ModelRow, viewer: Viewer): readonly EligibilityReason[] {
    return this.#facts.eligibility(row, viewer, 'invoke').reasons;
  }

  #lookUp(name: string): { row: ModelRow; identities: Map<string, boolean> } | null {
    const cached = this.#cache.get(name);
    if (cached !== undefined) return cached;
    const row = this.#models.find(name);
    if (row === undefined) return null;
    const entry = { row, identities: new Map<string, boolean>() };
    this.#cache.set(name, entry);
    return entry;
  }

  #isValidated(known: { row: ModelRow; identities: Map<string, boolean> }, identity: string): boolean {
    let validated = known.identities.get(identity);
    if (validated === undefined) {
      validated = this.#facts.isValidatedOn(known.row.id, identity);
      known.identities.set(identity, validated);
    }
    return validated;
  }

  #refusal(name: string, viewer: Viewer, field: string): AppError {
    const unknown = new AppError('not_found', `There is no model ${name.slice(0, 200)}.`, {
      hint: 'See /v1/models for the models this key can call.',
      details: { fields: [field] },
    });
    const row = this.#models.find(name);
    if (row === undefined) return unknown;
    const { reasons } = this.#facts.eligibility(row, viewer, 'invoke');
    const found = INVOCATION_REFUSALS.find(([reason]) => reasons.includes(reason));
    if (found === undefined)
      return new AppError('model_not_loaded', `${name} is being loaded or unloaded right now.`, {
        details: { fields: [field] },
      });
    const [reason, code] = found;
    if (code === 'not_found') return unknown;
    if (reason === 'offline_not_allowed') this.#onBlocked(row);
    return new AppError(code, sentence(reason, row, this.#facts.credentialState(row)), {
      details: { reason, fields: [field] },
    });
  }
}

/** @throws {AppError} `unsupported_format`. */
function assertCapability(row: ModelRow, capability: Capability, field: string): void {
  if (capabilityOf(row.task_key) === capability) return;
  throw new AppError(
    'unsupported_format',
    `${row.id} is a model for ${row.task_key}; this route is for ${capability}.`,
    {
      hint: 'Use the route of its task, or another model.',
      details: { fields: [field] },
    },
  );
}

function sentence(reason: EligibilityReason, row: ModelRow, credential: CredentialState): string {
  const name = row.id;
  switch (reason) {
    case 'recalled':
      return `${name} was recalled: ${row.recall_reason ?? ''}.`;
    case 'not_registered':
    case 'not_active':
      return `${name} is ${row.lifecycle_state}, not active.`;
    case 'not_loaded':
      return `${name} is active but not loaded. Load it into a slot; no other model answers for it.`;
    case 'runtime_changed':
      return `${name} is loaded on a runtime that it was not validated on. Test and validate it there.`;
    case 'credential_unavailable':
      return `The credential of ${name} is ${credential}.`;
    case 'offline_not_allowed':
      return `${name} runs at a provider, and this node is offline.`;
    case 'validation_missing':
    case 'validation_stale':
      return `The validation of ${name} does not hold now.`;
    default:
      return `${name} cannot be called now (${reason}).`;
  }
}
