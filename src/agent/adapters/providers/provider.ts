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

/** Routes of OpenAI's protocol that a model is called by. */
export type ProviderRoute = 'chat' | 'completion' | 'embeddings' | 'rerank';

/** A call in OpenAI's shapes, whatever the provider speaks. Nothing of the body is left out on the way. */
export interface Invocation {
  readonly route: ProviderRoute;
  readonly providerModelId: string;
  /** Body of OpenAI's route (for rerank: Cohere's), with or without `model`; `stream` decides about the answer. */
  readonly body: Readonly<Record<string, unknown>>;
}

export type JsonBody = Record<string, unknown>;

/** Chunks come in OpenAI's shape, the last one with the usage. Ending the iteration ends the call. */
export type ProviderAnswer =
  | { readonly streaming: false; readonly body: JsonBody }
  | { readonly streaming: true; readonly chunks: AsyncGenerator<JsonBody, void> };

/** One call of our own that is no stream: a test or a probe. */
export interface ProviderCall {
  readonly task: TaskKey;
  readonly providerModelId: string;
  /**
   * Body of OpenAI's route for the task, without `model`. `max_tokens` and `temperature` are put the way the model
   * takes them: reasoning models of OpenAI know another name for the first and refuse the second.
   */
  readonly body: Readonly<Record<string, unknown>>;
}

/** What an adapter of a provider's protocol can do. Foreign errors come out as AppErrors of the one table. */
export interface Providers {
  /**
   * All models the key can see, sorted by id.
   * @throws {AppError} `upstream_failed` (details.reason, details.status_code), `rate_limited`,
   * `runtime_profile_blocks_internet`, `forbidden` for an address that is not allowed.
   */
  listModels(account: ProviderAccount, signal: AbortSignal): Promise<ListedModel[]>;
  /** @throws as `listModels`, and `invalid_argument` for what the provider refuses of the body. */
  call(account: ProviderAccount, call: ProviderCall, signal: AbortSignal): Promise<JsonBody>;
  /**
   * A call of somebody else's. A stream is handed over once its first chunk is there, so that whatever goes wrong
   * before is thrown here.
   * @throws as `call`, and `unsupported_format` for a route that the provider does not have.
   */
  invoke(account: ProviderAccount, invocation: Invocation, signal: AbortSignal): Promise<ProviderAnswer>;
}

/** Who holds the credentials. @throws {AppError} `credential_unavailable`, `secrets_locked`. */
export interface AccountSource {
  account(credentialId: string): ProviderAccount;
}

/** Who wants to know that a provider refused a credential in the middle of a call. */
export interface CredentialReports {
  reportRefused(credentialId: string, statusCode: number): void;
}
