import type { CurrentValidation } from '../../shared/contract/index.ts';
import type { Role, TestRunFacts } from '../../shared/lifecycle/index.ts';

/** What the catalogue asks of features above it. Composition fills these in. */

export interface LoadedSlot {
  readonly slot_id: string;
  /** null until the runtime was identified. */
  readonly runtime_identity: string | null;
  readonly since: number | null;
}

export interface SlotFacts {
  /** Slots whose desired model this is. */
  assignedTo(modelId: string): readonly string[];
  /** Slots whose runtime advertises it now. */
  loadedIn(modelId: string): readonly LoadedSlot[];
  /** Models that are loaded somewhere now. */
  loadedModelIds(): ReadonlySet<string>;
}

export interface BindingFacts {
  bindingsOf(
    modelId: string,
  ): readonly { readonly profile: string; readonly capability: string; readonly is_default: boolean }[];
}

export interface UsageTotals {
  readonly calls: number;
  readonly errors: number;
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly last_used_at: number | null;
}

export interface UsageFacts {
  totals(modelIds: readonly string[]): ReadonlyMap<string, UsageTotals>;
}

export interface TestFacts {
  /** The newest successful test run whose fingerprint still holds, else the newest successful one, else null. */
  newestSuccess(modelId: string): TestRunFacts | null;
  /** The last run of any result, in words and time. */
  last(
    modelId: string,
  ): { readonly result: 'success' | 'failure'; readonly fact: string; readonly at: number } | null;
}

export interface PrincipalFacts {
  /** A person or service by id or name; null when there is none. */
  find(idOrName: string): { readonly principalId: string; readonly role: Role } | null;
}

export interface CheckFacts {
  /** Asks every validator now. @throws {AppError} `validation_failed` when a required one says no. */
  check(modelId: string, actor: { readonly principalId: string; readonly role: Role }): Promise<void>;
}

export interface ValidationFacts {
  /** The validations in force, one for each runtime identity. */
  current(modelId: string): readonly CurrentValidation[];
}

export interface CatalogPorts {
  readonly principals: PrincipalFacts;
  readonly checks: CheckFacts;
  readonly slots: SlotFacts;
  readonly bindings: BindingFacts;
  readonly usage: UsageFacts;
  readonly tests: TestFacts;
  readonly validations: ValidationFacts;
}
