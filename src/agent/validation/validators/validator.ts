import type { CheckResult, ModelConfig } from '../../../shared/contract/index.ts';
import type { ModelFiles } from '../../artifacts/index.ts';
import type { ModelRow } from '../../catalog/index.ts';

/** What a validator is given: the model as it was read, its files, and what is asked for. */
export interface ValidatorContext {
  readonly model: ModelRow;
  /** Empty for a cloud model. */
  readonly files: ModelFiles;
  /** What model.yaml and the override say together. */
  readonly config: ModelConfig;
  /** Somebody asks to look at everything again, however long it takes; else what was seen before may count. */
  readonly thorough: boolean;
}

/** What a validator found, in a sentence that a person reads and facts that a program reads. */
export interface Finding {
  /** `failure` of a required validator refuses the validation; `warning` is told and refuses nothing. */
  readonly result: CheckResult['result'];
  readonly summary: string;
  readonly details?: NonNullable<CheckResult['details']>;
}

/**
 * A question that a validation asks about a model. A new one is an object of this shape in the list that composition
 * gives to the registry; nothing else has to know it. What it throws becomes a failure, so it needs no catch of its own.
 */
export interface Validator {
  /** Unique; the name of its rows in the history. */
  readonly kind: string;
  readonly title: string;
  readonly description: string;
  readonly required: boolean;
  readonly hosting: readonly ModelRow['hosting'][];
  /** Whether the question makes sense for this model. Asked only for models of its `hosting`. */
  applies(model: ModelRow): boolean;
  run(context: ValidatorContext, signal: AbortSignal): Promise<Finding> | Finding;
}
