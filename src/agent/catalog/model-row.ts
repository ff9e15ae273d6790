import type { ModelConfig, TaskKey, VisibilityScope } from '../../shared/contract/index.ts';
import type { ApprovalState, ArtifactState, LifecycleState, Stage } from '../../shared/lifecycle/index.ts';
import type { ModelFacts } from '../artifacts/index.ts';

/** A managed model with its version, as one query returns it. */
export interface ModelRow {
  /** Rises with every model that comes; never given out again. */
  readonly row_id: number;
  readonly id: string;
  readonly rev: number;
  readonly version_id: number;
  readonly name: string;
  readonly seq: number;
  readonly task_key: TaskKey;
  readonly hosting: 'local' | 'cloud';
  readonly provider: string;
  readonly visibility_scope: VisibilityScope;
  readonly owner_type: 'user' | 'platform';
  readonly owner_user_id: string | null;
  readonly lifecycle_state: LifecycleState;
  readonly artifact_status: ArtifactState;
  readonly is_sample: number;
  readonly description: string;
  readonly annotations: string;
  readonly metadata: string;
  readonly config_override: string;
  readonly config_revision: number;
  readonly credential_id: string | null;
  readonly provider_model_id: string | null;
  readonly stale_reason: string | null;
  readonly recalled_by: string | null;
  readonly recall_reason: string | null;
  readonly last_test_run_id: string | null;
  readonly last_validation_id: string | null;
  readonly last_validated_at: number | null;
  readonly registered_at: number | null;
  readonly activated_at: number | null;
  readonly created_at: number;
  readonly updated_at: number;
  // Of its version:
  readonly label: string | null;
  readonly content_id: string;
  readonly framework: string | null;
  readonly format: string | null;
  readonly source: string;
  readonly source_id: string | null;
  readonly revision: string | null;
  readonly size_bytes: number;
  readonly inferred: string;
  readonly declared: string;
  readonly approval_state: ApprovalState;
  readonly stage: Stage;
  // Derived in the query:
  readonly validation_current: number;
  /** Of a cloud model: when the validation in force ends unless it is renewed. */
  readonly validation_expires_at: number | null;
  readonly last_validation_result: 'success' | 'failure' | null;
  readonly last_test_result: 'success' | 'failure' | null;
}

export function inferredOf(row: Pick<ModelRow, 'inferred'>): Partial<ModelFacts> {
  return JSON.parse(row.inferred) as Partial<ModelFacts>;
}

export function declaredConfig(row: Pick<ModelRow, 'declared'>): ModelConfig {
  return (JSON.parse(row.declared) as { config?: ModelConfig }).config ?? {};
}

export function overrideConfig(row: Pick<ModelRow, 'config_override'>): ModelConfig {
  return JSON.parse(row.config_override) as ModelConfig;
}
