import type { ModelRow } from '../catalog/index.ts';
import type { TestKind, TestOutcome } from './test-kind.ts';

/** What an executor is asked to do. */
export interface TestOrder {
  readonly model: ModelRow;
  readonly kind: TestKind;
  readonly inputs: Readonly<Record<string, unknown>>;
  /** The slot that is named; only for models that run here. */
  readonly slotId: string | undefined;
}

/** Why a test came to nothing; the code it is answered with. */
export type TestRefusal =
  | 'offline_not_allowed'
  | 'local_model_not_served_by_runtime'
  | 'credential_unavailable'
  | 'model_test_failed';

/** What came of it. Every execution is recorded, a failed one as well. */
export interface TestExecution {
  readonly outcome: TestOutcome;
  /** null after a success. */
  readonly refusal: TestRefusal | null;
  readonly slotId: string | null;
  /** What a validation from this test holds for; null when nothing was reached. */
  readonly runtimeIdentity: string | null;
  readonly latencyMs: number | null;
}

/** Where models of one hosting are tested. */
export interface TestExecutor {
  readonly hosting: ModelRow['hosting'];
  /** How long a validation from such a test holds by itself, in milliseconds; null for as long as nothing changes. */
  readonly validForMs: number | null;
  /**
   * Asks exactly the model that is named. That it fails is an execution to be recorded, not a throw.
   * @throws {AppError} for what shall not be recorded, such as a slot that does not exist; the reason of `signal`.
   */
  run(order: TestOrder, signal: AbortSignal): Promise<TestExecution>;
}
