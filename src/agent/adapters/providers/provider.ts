import type { CloudModel, ProviderSlug, TaskKey } from '../../../shared/contract/index.ts';

/** Whom to call at a provider, and as whom. Lives for one use; the secret is never kept beyond it. */
export interface ProviderAccount {
  readonly credentialId: string;
  readonly provider: ProviderSlug;
  /** Without a slash at the end; the version is part of it (`https://host/v1`). */
  readonly baseUrl: string;
  readonly apiKey: string;
  /** Private CIDR ranges that a superadmin allowed for this credential. */
  readonly allowedRanges: readonly string[];
}

/** A model as a provider lists it. */
export type ListedModel = Omit<CloudModel, 'model_ids'>;

/** One call that is no stream, in OpenAI's shapes whatever the provider speaks. */
export interface ProviderCall {
  readonly task: TaskKey;
  readonly providerModelId: string;
  /** Body of OpenAI's route for the task, without `model`. */
  readonly body: Readonly<Record<string, unknown>>;
}

/** What an adapter of a provider's protocol can do. Foreign errors come out as AppErrors of the one table. */
export interface Providers {
  /** @throws {AppError} `upstream_failed` (details.status_code), `rate_limited`, `runtime_profile_blocks_internet`, `forbidden` for an address that is not allowed. */
  listModels(account: ProviderAccount, signal: AbortSignal): Promise<ListedModel[]>;
  /** @throws as `listModels`, and `invalid_argument` for what the provider refuses of the body. */
  call(account: ProviderAccount, call: ProviderCall, signal: AbortSignal): Promise<Record<string, unknown>>;
}

/** Who holds the credentials. @throws {AppError} `credential_unavailable`, `secrets_locked`. */
export interface AccountSource {
  account(credentialId: string): ProviderAccount;
}
