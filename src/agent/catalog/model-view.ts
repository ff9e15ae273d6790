import { TASKS, type ActionVerdict, type Model, type ModelInclude } from '../../shared/contract/index.ts';
import {
  MODEL_ACTION_ROLES,
  MODEL_EDIT_ROLE,
  preview,
  REQUESTED_ACTIONS,
  roleCovers,
  staleWords,
  type RequestedAction,
} from '../../shared/lifecycle/index.ts';
import {
  insufficientRole,
  maySee,
  neededRole,
  type Credentials,
  type CredentialSummary,
  type Viewer,
} from '../access/index.ts';
import type { BlobStore } from '../artifacts/index.ts';
import { toIso, toIsoOrNull, type Clock } from '../kernel/clock.ts';
import type { FactsReader } from './facts.ts';
import { effectiveModelConfig } from './fingerprint.ts';
import { declaredConfig, inferredOf, overrideConfig, type ModelRow } from './model-row.ts';
import type { Assignments } from './assignments.ts';
import type { ModelStore } from './model-store.ts';
import type { CatalogPorts, UsageTotals } from './ports.ts';
import { contentHexOf } from './version-store.ts';

/** What is fetched for all rows of a list at once. */
interface Beside {
  readonly tags: ReadonlyMap<string, string[]>;
  readonly usage: ReadonlyMap<string, UsageTotals>;
  readonly aliases: ReadonlyMap<number, string[]>;
  readonly owners: ReadonlyMap<string, string>;
  readonly credential: (row: ModelRow) => Model['credential'];
  readonly observed: number;
}

/** Turns rows into the Model of the contract. */
export class ModelView {
  readonly #deps: {
    models: ModelStore;
    facts: FactsReader;
    assignments: Assignments;
    blobs: BlobStore;
    ports: CatalogPorts;
    credentials: Credentials;
    clock: Clock;
    nodeId: string;
  };

  constructor(deps: {
    models: ModelStore;
    facts: FactsReader;
    assignments: Assignments;
    blobs: BlobStore;
    ports: CatalogPorts;
    credentials: Credentials;
    clock: Clock;
    nodeId: string;
  }) {
    this.#deps = deps;
  }

  /** Rows of a list: the same few queries whatever the number of rows, and heavy fields only when asked. */
  list(rows: readonly ModelRow[], viewer: Viewer, include: readonly ModelInclude[] = []): Model[] {
    const { models, ports, clock } = this.#deps;
    const ids = rows.map((row) => row.id);
    const beside: Beside = {
      tags: models.tags(ids),
      usage: ports.usage.totals(ids),
      aliases: models.aliases(rows.map((row) => row.version_id)),
      owners: models.principalNames([...new Set(rows.flatMap((row) => row.owner_user_id ?? []))]),
      credential: this.#credentialReader(viewer),
      observed: clock.now(),
    };
    return rows.map((row) => ({
      ...this.#base(row, beside),
      ...(include.includes('files') ? this.#artifact(row, true) : {}),
      ...(include.includes('actions') ? { actions: this.#actions(row, viewer) } : {}),
      ...(include.includes('requirements') ? { requirements: this.#requirements(row, viewer) } : {}),
    }));
  }

  /** One model with files, origins, actions and what is missing, for one viewer. */
  detail(row: ModelRow, viewer: Viewer, missingFor: Viewer = viewer): Model {
    const { assignments } = this.#deps;
    const [base] = this.list([row], viewer);
    if (base === undefined) throw new Error('a list of one row came back empty');
    const config = effectiveModelConfig(declaredConfig(row), overrideConfig(row), row.config_revision);
    return {
      ...base,
      ...this.#artifact(row, true),
      config: { values: config.values, origins: { ...config.origins } },
      current_validations: [...this.#deps.ports.validations.current(row.id)],
      // Whom else it is assigned to is told to who may change it.
      ...(neededRole(viewer, MODEL_EDIT_ROLE, row.owner_user_id) === 'user' || viewer.role === 'superadmin'
        ? { assignments: assignments.of(row.id) }
        : {}),
      actions: this.#actions(row, viewer),
      requirements: this.#requirements(row, missingFor),
    };
  }

  #requirements(row: ModelRow, viewer: Viewer): NonNullable<Model['requirements']> {
    const { requirements } = this.#deps.facts.eligibility(row, viewer, 'invoke');
    return requirements.map((requirement) => ({ ...requirement, blocked_by: [...requirement.blocked_by] }));
  }

  #artifact(row: ModelRow, files: boolean): Pick<Model, 'artifact'> {
    if (row.hosting === 'cloud') return { artifact: null };
    const { blobs, models } = this.#deps;
    return {
      artifact: {
        artifact_status: row.artifact_status,
        storage_path: blobs.modelDirectory(contentHexOf(row.content_id)),
        size_bytes: row.size_bytes,
        verified_at: files ? toIsoOrNull(models.verifiedAt(row.version_id)) : null,
        ...(files
          ? {
              files: models
                .files(row.version_id)
                .map((file) => ({ path: file.path, size_bytes: file.size, sha256: file.sha256 })),
            }
          : {}),
      },
    };
  }

  #actions(row: ModelRow, viewer: Viewer): Partial<Record<RequestedAction, ActionVerdict>> {
    const { facts: reader, ports } = this.#deps;
    const facts = reader.facts(row);
    const newest = ports.tests.newestSuccess(row.id);
    return Object.fromEntries(
      REQUESTED_ACTIONS.map((action): [RequestedAction, ActionVerdict] => {
        const needed = neededRole(viewer, MODEL_ACTION_ROLES[action], row.owner_user_id);
        if (!roleCovers(viewer.role, needed)) {
          const { code, message, hint } = insufficientRole(needed, viewer.role);
          return [action, { ok: false, code, reason: message, hint }];
        }
        const verdict = preview(action, facts, newest);
        if (verdict.ok) return [action, { ok: true }];
        return [action, { ok: false, code: verdict.code, reason: verdict.reason, hint: verdict.hint }];
      }),
    );
  }

  /** How the credentials of a list look to a viewer; each is read once. The address and the end of the key are for those who may see the credential itself. */
  #credentialReader(viewer: Viewer): (row: ModelRow) => Model['credential'] {
    const { credentials, facts } = this.#deps;
    const known = new Map<string, CredentialSummary | null>();
    const read = (id: string): CredentialSummary | null => {
      let found = known.get(id);
      if (found === undefined) {
        found = credentials.summary(id);
        known.set(id, found);
      }
      return found;
    };
    return (row) => {
      const found = row.credential_id === null ? null : read(row.credential_id);
      if (found === null) return { status: facts.credentialState(row) };
      return {
        status: found.revoked_at === null ? 'active' : 'revoked',
        id: found.id,
        provider: found.provider,
        display_name: found.display_name,
        credential_scope: found.credential_scope,
        ...(maySee(found, viewer)
          ? { api_base_url: found.api_base_url, api_key_last4: found.api_key_last4 }
          : {}),
      };
    };
  }

  #base(row: ModelRow, beside: Beside): Model {
    const { ports, nodeId } = this.#deps;
    const local = row.hosting === 'local';
    return {
      id: row.id,
      rev: row.rev,
      name: row.name,
      seq: row.seq,
      label: row.label,
      global_model_id: row.content_id,
      node_id: nodeId,
      provider: row.provider,
      provider_model_id: row.provider_model_id,
      backend: local ? 'local' : 'external_api',
      hosting: row.hosting,
      source: row.source,
      source_id: row.source_id,
      revision: row.revision,
      checksum: contentHexOf(row.content_id),
      framework: row.framework,
      format: row.format,
      ...fileFacts(row),
      task_key: row.task_key,
      category: TASKS[row.task_key].category,
      runtime_mode_policy: local ? 'online_offline' : 'online_only',
      visibility_scope: row.visibility_scope,
      owner_type: row.owner_type,
      owner_user_id: row.owner_user_id,
      owner_name: beside.owners.get(row.owner_user_id ?? '') ?? null,
      lifecycle_state: row.lifecycle_state,
      is_validation_current: row.validation_current === 1,
      last_validation_status: row.last_validation_result,
      last_validated_at: toIsoOrNull(row.last_validated_at),
      validation_expires_at: toIsoOrNull(row.validation_expires_at),
      validation_error:
        row.stale_reason === null
          ? null
          : {
              reason: row.stale_reason,
              message: `The validation no longer holds: ${staleWords(row.stale_reason)}.`,
            },
      approval_state: row.approval_state,
      stage: row.stage,
      is_sample: row.is_sample === 1,
      ...this.#artifact(row, false),
      config: { values: { ...declaredConfig(row), ...overrideConfig(row) } },
      credential: beside.credential(row),
      aliases: beside.aliases.get(row.version_id) ?? [],
      tags: beside.tags.get(row.id) ?? [],
      annotations: JSON.parse(row.annotations) as Record<string, string>,
      description: row.description,
      metadata: JSON.parse(row.metadata) as Model['metadata'],
      loaded_in: ports.slots.loadedIn(row.id).map((slot) => slot.slot_id),
      created_at: toIso(row.created_at),
      updated_at: toIso(row.updated_at),
      observed_at: toIso(beside.observed),
      usage_summary: usageSummary(beside.usage.get(row.id)),
    };
  }
}

/** What the files say. */
function fileFacts(
  row: ModelRow,
): Pick<
  Model,
  'architecture' | 'parameter_count' | 'quantization' | 'trained_context_length' | 'has_chat_template'
> {
  const inferred = inferredOf(row);
  return {
    architecture: inferred.architecture ?? null,
    parameter_count: inferred.parameter_count ?? null,
    quantization: inferred.quantization ?? null,
    trained_context_length: inferred.context_length ?? null,
    has_chat_template: inferred.has_chat_template ?? false,
  };
}

const UNUSED: UsageTotals = {
  calls: 0,
  errors: 0,
  prompt_tokens: 0,
  completion_tokens: 0,
  last_used_at: null,
};

function usageSummary(usage: UsageTotals = UNUSED): Model['usage_summary'] {
  const { calls, errors, prompt_tokens, completion_tokens } = usage;
  return {
    total: { calls, errors, prompt_tokens, completion_tokens },
    last_used_at: toIsoOrNull(usage.last_used_at),
  };
}
