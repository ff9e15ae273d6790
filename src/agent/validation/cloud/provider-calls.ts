import { toAppError, type AppError } from '../../../shared/contract/index.ts';
import type { AccountSource, ProviderAccount, Providers } from '../../adapters/providers/index.ts';
import { remoteContentId, type FactsReader, type ModelRow } from '../../catalog/index.ts';
import { within } from '../../kernel/deadline.ts';

const CALL_MS = 110_000;
const LIST_MS = 30_000;
const MAX_MESSAGE = 500;

/** Why nothing came of asking a provider: a code of the error table, and what may be told and kept of it. */
export interface ProviderRefusal {
  readonly code: 'offline_not_allowed' | 'credential_unavailable' | 'model_test_failed';
  readonly message: string;
  readonly details: Readonly<Record<string, unknown>>;
}

/** `latencyMs` is null when nothing was sent. */
export type ProviderAnswer<T> =
  | { readonly ok: true; readonly answer: T; readonly latencyMs: number }
  | { readonly ok: false; readonly refusal: ProviderRefusal; readonly latencyMs: number | null };

interface ProviderCallsDeps {
  readonly accounts: AccountSource;
  readonly providers: Providers;
  readonly facts: FactsReader;
  /** Told when the profile refused; it shows among the refused attempts. */
  readonly onBlocked: (model: ModelRow) => void;
}

/**
 * Asks the provider of a cloud model, for tests and probes. What goes wrong comes back as a refusal that can be stored:
 * short, and without the key, which some providers repeat.
 */
export class ProviderCalls {
  readonly #deps: ProviderCallsDeps;

  constructor(deps: ProviderCallsDeps) {
    this.#deps = deps;
  }

  /**
   * One call of the model's task. `body` is that of OpenAI's route, without `model`.
   * @throws {AppError} `secrets_locked`; the reason of `signal`.
   */
  call(
    model: ModelRow,
    body: Readonly<Record<string, unknown>>,
    signal: AbortSignal,
  ): Promise<ProviderAnswer<Record<string, unknown>>> {
    const order = { task: model.task_key, providerModelId: model.provider_model_id ?? '', body };
    return this.#ask(model, CALL_MS, signal, (account, stop) =>
      this.#deps.providers.call(account, order, stop),
    );
  }

  /** Whether the provider takes the credential, and lists the model. @throws as `call`. */
  async lists(model: ModelRow, signal: AbortSignal): Promise<ProviderAnswer<boolean>> {
    const asked = await this.#ask(model, LIST_MS, signal, (account, stop) =>
      this.#deps.providers.listModels(account, stop),
    );
    if (!asked.ok) return asked;
    return {
      ...asked,
      answer: asked.answer.some((one) => one.provider_model_id === model.provider_model_id),
    };
  }

  async #ask<T>(
    model: ModelRow,
    ms: number,
    signal: AbortSignal,
    run: (account: ProviderAccount, signal: AbortSignal) => Promise<T>,
  ): Promise<ProviderAnswer<T>> {
    const { facts } = this.#deps;
    if (facts.facts(model).profile === 'offline') {
      this.#deps.onBlocked(model);
      return refused(
        'offline_not_allowed',
        `${model.id} runs at a provider, and this node is offline. Nothing was sent.`,
        { runtime_profile: 'offline' },
      );
    }
    const account = this.#account(model);
    if (typeof account === 'string') return refused('credential_unavailable', account);
    const started = performance.now();
    const latency = (): number => Math.round(performance.now() - started);
    try {
      const answer = await within(ms, signal, (stop) => run(account, stop));
      return { ok: true, answer: withoutKey(answer, account), latencyMs: latency() };
    } catch (thrown) {
      if (signal.aborted) throw thrown;
      const error = toAppError(thrown);
      // The profile changed after it was asked here.
      const offline = error.code === 'runtime_profile_blocks_internet';
      const refusal = {
        code: offline ? ('offline_not_allowed' as const) : ('model_test_failed' as const),
        message: bounded(error.message),
        details: told(error),
      };
      return { ok: false, refusal: withoutKey(refusal, account), latencyMs: latency() };
    }
  }

  /** The account a model is called with, or why there is none. @throws {AppError} `secrets_locked`. */
  #account(model: ModelRow): ProviderAccount | string {
    const { accounts, facts } = this.#deps;
    const state = facts.credentialState(model);
    if (state !== 'active' || model.credential_id === null)
      return `The credential of ${model.id} is ${state}.`;
    const account = accounts.account(model.credential_id);
    // The address is part of what the model is: at another one it would be another model.
    if (remoteContentId(model.provider_model_id ?? '', account.baseUrl) === model.content_id) return account;
    return `The credential of ${model.id} is for another address now than the one that this model stands for. Set the address back, or add the model of the new address.`;
  }
}

function refused(
  code: ProviderRefusal['code'],
  message: string,
  details: ProviderRefusal['details'] = {},
): ProviderAnswer<never> {
  return { ok: false, refusal: { code, message, details }, latencyMs: null };
}

/** What may be kept of a refusal: the code, the status and short texts. */
function told(error: AppError): Record<string, unknown> {
  const details = Object.entries(error.details ?? {}).flatMap(([key, value]): [string, unknown][] => {
    if (typeof value === 'string') return [[key, bounded(value)]];
    return typeof value === 'number' || typeof value === 'boolean' || value === null ? [[key, value]] : [];
  });
  return { cause: error.code, message: bounded(error.message), ...Object.fromEntries(details) };
}

function bounded(text: string): string {
  return text.length > MAX_MESSAGE ? `${text.slice(0, MAX_MESSAGE - 1)}…` : text;
}

/** A copy of a JSON value in which the key is nowhere. */
function withoutKey<T>(value: T, { apiKey }: Pick<ProviderAccount, 'apiKey'>): T {
  const clean = (one: unknown): unknown => {
    if (typeof one === 'string') return one.replaceAll(apiKey, '[key]');
    if (Array.isArray(one)) return one.map(clean);
    if (typeof one !== 'object' || one === null) return one;
    return Object.fromEntries(
      Object.entries(one).map(([key, inner]) => [key.replaceAll(apiKey, '[key]'), clean(inner)]),
    );
  };
  return clean(value) as T;
}
