import {
  AppError,
  toAppError,
  type CloudModel,
  type Credential,
  type Probe,
  type ProviderSlug,
} from '../../shared/contract/index.ts';
import type { Account, Credentials, Viewer } from '../access/index.ts';
import type { ListedModel, Providers } from '../adapters/providers/index.ts';
import type { CloudModels } from '../catalog/index.ts';
import { toIso, type Clock } from '../kernel/clock.ts';
import { within } from '../kernel/deadline.ts';

const LIST_MS = 30_000;

/** Whether it is what a provider or the way to it says; anything else is a refusal of our own and is thrown. */
function saidByTheProvider({ code, details }: AppError): boolean {
  return code === 'upstream_failed' || typeof details?.['status_code'] === 'number';
}

interface Deps {
  readonly credentials: Credentials;
  readonly providers: Providers;
  readonly cloud: CloudModels;
  readonly clock: Clock;
}

/** Asks providers what they offer and whether they take a credential. Nothing of their answers is passed on unread. */
export class CloudDiscovery {
  readonly #deps: Deps;

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  /**
   * Asks with a key that is not kept.
   * @throws {AppError} `forbidden`, `invalid_argument`, `runtime_profile_blocks_internet`.
   */
  async test(
    wanted: Parameters<Credentials['unkeptAccount']>[0],
    caller: Viewer,
    signal: AbortSignal,
  ): Promise<Probe> {
    return this.#probe(this.#deps.credentials.unkeptAccount(wanted, caller), signal);
  }

  /**
   * Asks with a kept credential and remembers the answer with it.
   * @throws {AppError} `not_found`, `credential_unavailable`, `runtime_profile_blocks_internet`, `secrets_locked`.
   */
  async probe(
    id: string,
    caller: Viewer,
    signal: AbortSignal,
  ): Promise<{ probe: Probe; credential: Credential }> {
    const { credentials } = this.#deps;
    credentials.visible(id, caller);
    const probe = await this.#probe(credentials.account(id), signal);
    credentials.saveProbe(id, probe);
    return { probe, credential: credentials.get(id, caller) };
  }

  /**
   * The models that a provider offers through a credential, by their names there.
   * @throws {AppError} `not_found`, `invalid_argument`, `credential_unavailable`, `runtime_profile_blocks_internet`,
   * `rate_limited`, `upstream_failed`, `secrets_locked`.
   */
  async models(
    query: { credential_id: string; provider?: ProviderSlug | undefined; q?: string | undefined },
    caller: Viewer,
    signal: AbortSignal,
  ): Promise<{ provider: ProviderSlug; models: CloudModel[] }> {
    const { credentials, cloud } = this.#deps;
    const { provider } = credentials.visible(query.credential_id, caller);
    const account = credentials.account(query.credential_id);
    if (query.provider !== undefined && query.provider !== provider) {
      throw new AppError('invalid_argument', `The credential is for ${provider}, not ${query.provider}.`, {
        hint: 'Leave provider out; it follows from the credential.',
        details: { fields: ['provider'], allowed: [provider] },
      });
    }
    const listed = await this.#list(account, signal);
    const wanted = (query.q ?? '').trim().toLowerCase();
    const found = listed
      .filter((model) => `${model.provider_model_id}\n${model.name}`.toLowerCase().includes(wanted))
      .toSorted((a, b) => (a.provider_model_id < b.provider_model_id ? -1 : 1));
    const managed = cloud.managedIds(
      found.map((model) => model.provider_model_id),
      account.baseUrl,
      caller,
    );
    return {
      provider,
      models: found.map((model) => ({ ...model, model_ids: managed(model.provider_model_id) })),
    };
  }

  async #list(account: Account, signal: AbortSignal): Promise<ListedModel[]> {
    try {
      return await within(LIST_MS, signal, (stop) => this.#deps.providers.listModels(account, stop));
    } catch (thrown) {
      const { code, details, message } = toAppError(thrown);
      // The question was ours: that the provider finds it wrong is no fault of whoever asked.
      if (code !== 'invalid_argument' || typeof details?.['status_code'] !== 'number') throw thrown;
      throw new AppError('upstream_failed', message, {
        details: { status_code: details['status_code'] },
        cause: thrown,
      });
    }
  }

  async #probe(account: Account, signal: AbortSignal): Promise<Probe> {
    const { clock } = this.#deps;
    const started = performance.now();
    const answer = (ok: boolean, said: Pick<Probe, 'status_code' | 'message' | 'model_count'>): Probe => ({
      ok,
      ...said,
      latency_ms: Math.round(performance.now() - started),
      at: toIso(clock.now()),
    });
    try {
      const models = await this.#list(account, signal);
      return answer(true, {
        status_code: 200,
        message: `The provider takes the key and lists ${models.length} models.`,
        model_count: models.length,
      });
    } catch (thrown) {
      const error = toAppError(thrown);
      if (signal.aborted || !saidByTheProvider(error)) throw thrown;
      const status = error.details?.['status_code'];
      return answer(false, {
        status_code: typeof status === 'number' ? status : null,
        message: error.message,
        model_count: null,
      });
    }
  }
}
