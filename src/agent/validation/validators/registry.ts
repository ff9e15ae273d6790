import { AppError, type CheckResult } from '../../../shared/contract/index.ts';
import type { Logger } from '../../kernel/logger.ts';
import type { Finding, Validator, ValidatorContext } from './validator.ts';

/** No answer of a validator may hold up a validation for longer. */
const DEADLINE_MS = 110_000;
const MAX_SUMMARY = 1000;

/** The validators of this node, in the order in which they are asked and shown. */
export class ValidatorRegistry {
  readonly #validators: readonly Validator[];
  readonly #log: Logger;

  /** @throws {Error} when two validators have one kind. */
  constructor(validators: readonly Validator[], log: Logger) {
    const kinds = validators.map((validator) => validator.kind);
    const twice = kinds.find((kind, i) => kinds.indexOf(kind) !== i);
    if (twice !== undefined) throw new Error(`two validators are called ${twice}`);
    this.#validators = validators;
    this.#log = log;
  }

  list(): readonly Validator[] {
    return this.#validators;
  }

  /**
   * Asks every validator that concerns the model, one after the other: they read the same files.
   * A validator that throws or does not come to an end has found a failure. @throws the reason of `signal`.
   */
  async ask(context: ValidatorContext, signal: AbortSignal): Promise<CheckResult[]> {
    const { model } = context;
    const concerned = this.#validators.filter(
      (validator) => validator.hosting.includes(model.hosting) && validator.applies(model),
    );
    const results: CheckResult[] = [];
    for (const validator of concerned) {
      signal.throwIfAborted();
      const finding = await this.#ask(validator, context, signal);
      results.push({
        validator_kind: validator.kind,
        title: validator.title,
        required: validator.required,
        result: finding.result,
        summary: finding.summary.slice(0, MAX_SUMMARY),
        details: finding.details ?? null,
      });
    }
    return results;
  }

  async #ask(validator: Validator, context: ValidatorContext, signal: AbortSignal): Promise<Finding> {
    const deadline = AbortSignal.timeout(DEADLINE_MS);
    try {
      return await validator.run(context, AbortSignal.any([signal, deadline]));
    } catch (error) {
      signal.throwIfAborted();
      if (deadline.aborted)
        return {
          result: 'failure',
          summary: `${validator.title}: no answer within ${DEADLINE_MS / 1000} seconds.`,
          details: { reason: 'timeout' },
        };
      if (error instanceof AppError)
        return { result: 'failure', summary: error.message, details: { error: error.code } };
      this.#log.error({ err: error, validator: validator.kind }, 'a validator failed');
      return {
        result: 'failure',
        summary: `${validator.title} could not be answered; the log of the agent says why.`,
        details: { error: 'internal_error' },
      };
    }
  }
}

/** The checks that refuse a validation. Pure. */
export function refusing(checks: readonly CheckResult[]): CheckResult[] {
  return checks.filter((check) => check.required && check.result === 'failure');
}
