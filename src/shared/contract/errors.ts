/**
 * The one error table. Every refusal of the API, a job, a slot or the CLI carries a code from here; the HTTP
 * status, whether trying again may help, and the default way out come from the same row.
 */

interface ErrorRow {
  readonly status: number;
  /** True when the same request may succeed later without anybody changing anything. */
  readonly retryable: boolean;
  /** What to do next, when the place that throws knows nothing better. */
  readonly hint: string;
}

const row = (status: number, retryable: boolean, hint: string): ErrorRow => ({ status, retryable, hint });

export const ERRORS = {
  // The request itself.
  invalid_argument: row(400, false, 'Correct the named field and send the request again.'),
  unauthenticated: row(
    401,
    false,
    'Send a valid key as "Authorization: Bearer <key>". `modelops open` makes a sign-in link.',
  ),
  insufficient_role: row(403, false, 'Ask somebody with the named role, or use a key of that role.'),
  forbidden: row(403, false, 'Ask a superadmin of this node.'),
  permission_denied: row(403, false, 'Give the user that runs the agent access to the path, then try again.'),
  not_found: row(404, false, 'Check the id; it may have been deleted, or you may not be allowed to see it.'),
  test_run_not_found: row(404, false, 'Run the test again and use the id it returns.'),
  method_not_allowed: row(405, false, 'See /v1/openapi.json for the methods of this path.'),
  payload_too_large: row(413, false, 'Send a smaller body.'),
  unsupported_format: row(
    422,
    false,
    'Import a GGUF file, or a directory with config.json and safetensors files.',
  ),
  rate_limited: row(429, true, 'Wait as long as Retry-After says, then try again.'),

  // The state of a model.
  invalid_state_transition: row(409, false, 'See the actions of the model for what is possible now.'),
  validation_failed: row(409, false, 'Test the model on a slot and validate it again.'),
  validation_test_required: row(409, false, 'Run a test, then validate with the id of that test run.'),
  validation_already_current: row(409, false, 'Nothing to do. Run a new test if you want to validate again.'),
  test_run_mismatch: row(409, false, 'Use a test run of this model.'),
  validation_test_failed: row(
    409,
    false,
    'Only a successful test run validates a model. Run the test again.',
  ),
  validation_test_stale: row(
    409,
    false,
    'Something that matters changed since that test. Run the test again.',
  ),
  model_test_failed: row(409, false, 'See the error details of the recorded test run.'),
  offline_not_allowed: row(409, false, 'Switch the runtime profile to online, or use a local model.'),
  credential_unavailable: row(409, false, 'Give the model a credential that is active.'),
  artifact_not_ready: row(
    409,
    false,
    'Import the same files again: bytes that changed are replaced by the right ones.',
  ),
  local_model_not_served_by_runtime: row(409, false, 'Load this model into the slot first.'),
  dependencies_unsatisfied: row(409, false, 'Release what depends on it first; details name it.'),
  already_exists: row(409, false, 'Use the free id or label named in the details.'),
  ambiguous_source: row(409, false, 'Name one of the choices in the details.'),
  insufficient_vram: row(409, false, 'Lower the context length, free memory, or override explicitly.'),
  recalled: row(409, false, 'The model was recalled. Ask whoever recalled it.'),
  runtime_profile_locked: row(
    409,
    false,
    'The profile is set by the environment; change it there and restart the agent.',
  ),
  runtime_profile_blocks_internet: row(403, false, 'Switch the runtime profile to online first.'),
  conflict: row(409, false, 'It was changed by somebody else. Read it again, then repeat your change.'),

  // What the node leans on.
  upstream_failed: row(502, true, 'The upstream answered with an error; details carry what it said.'),
  hub_unreachable: row(502, true, 'Check the network and the endpoint setting; bytes already here are kept.'),
  model_not_loaded: row(503, true, 'Load the model into a slot. No other model answers for it.'),
  runtime_unavailable: row(503, true, 'See `modelops doctor` for what the runtime needs.'),
  storage_unavailable: row(503, true, 'Check that the disk with the data directory is mounted and writable.'),
  resource_exhausted: row(507, false, 'Free space or memory, then try again.'),
  secrets_locked: row(
    503,
    false,
    'Start the agent from the desktop app, or run `modelops secrets rewrap --to file` while it is unlocked.',
  ),
  shutting_down: row(503, true, 'The agent is stopping. Try again when it runs.'),
  internal_error: row(500, false, 'The log of the agent has the details under this request id.'),

  // Why a runtime does not run. These appear in a slot's load_error.
  image_missing: row(409, false, 'Import or pull the image, or name another in the slot settings.'),
  engine_user_mapping: row(409, false, 'Run the engine without userns-remap, or use a rootless engine.'),
  gpu_runtime_missing: row(409, false, 'Install the NVIDIA container toolkit, then restart Docker.'),
  runtime_exited: row(409, true, 'Read the log of the slot.'),
  runtime_crash_loop: row(409, false, 'Nothing is tried again until the slot or the model changes.'),
  runtime_out_of_memory: row(409, false, 'Lower the context length, or stop something else on this machine.'),
  runtime_bad_argument: row(
    409,
    false,
    'Remove or rename the setting that this engine version does not know.',
  ),
  runtime_wrong_model: row(
    409,
    false,
    'The runtime advertises another model id than the one that was loaded.',
  ),
  runtime_gpu_unused: row(409, false, 'Check that the container sees the GPU, or choose a CPU runtime.'),
  gpu_unavailable: row(409, false, 'Choose a GPU that the node has: see `modelops gpus`.'),
  runtime_gpu_lost: row(409, true, 'Look at the GPU in Hardware; its XID says what the driver met.'),
  runtime_stalled: row(409, true, 'Look at the log of the slot for the last thing it did.'),
  model_file_corrupt: row(409, false, 'Verify the files of the model and import them again.'),
  model_not_supported: row(409, false, 'Use a newer engine, or another format of the model.'),
  model_files_missing: row(409, false, 'Verify the artifact; a file the engine needs is not where it looks.'),

  // Why the agent itself does not start or stops writing.
  data_dir_locked: row(
    503,
    false,
    'Close the other agent, or choose another data directory with --data-dir.',
  ),
  schema_too_new: row(
    503,
    false,
    'Start the newer version again, or restore an older backup with `modelops restore`.',
  ),
  database_corrupt: row(
    503,
    false,
    'Restore the last backup: `modelops restore --list`, then `modelops restore FILE`.',
  ),
  data_dir_unusable: row(503, false, 'Choose a writable directory on a local disk with --data-dir.'),
  agent_unreachable: row(503, true, 'Start it with `modelops serve`.'),
} as const satisfies Record<string, ErrorRow>;

export type ErrorCode = keyof typeof ERRORS;

export const ERROR_CODES = Object.keys(ERRORS) as [ErrorCode, ...ErrorCode[]];

export function isErrorCode(value: unknown): value is ErrorCode {
  return typeof value === 'string' && Object.hasOwn(ERRORS, value);
}

export interface AppErrorOptions {
  /** What helps, when it is more exact than the table's hint. */
  readonly hint?: string;
  /** Facts for programs and for the "Details" of the UI. Never a secret, never a foreign stack. */
  readonly details?: Record<string, unknown>;
  readonly cause?: unknown;
}

/** The only error type that crosses a module border. Anything else that arrives at the HTTP edge is `internal_error`. */
export class AppError extends Error {
  readonly code: ErrorCode;
  readonly hint: string;
  readonly details: Record<string, unknown> | undefined;

  constructor(code: ErrorCode, message: string, options: AppErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'AppError';
    this.code = code;
    this.hint = options.hint ?? ERRORS[code].hint;
    this.details = options.details;
  }

  get status(): number {
    return ERRORS[this.code].status;
  }

  get retryable(): boolean {
    return ERRORS[this.code].retryable;
  }
}

/** The wire form of an error outside the gateway, without the request id. Stored with failed jobs as well. */
export interface ErrorBody {
  error: ErrorCode;
  message: string;
  hint?: string | undefined;
  details?: Record<string, unknown> | undefined;
}

export function errorBody(error: AppError): ErrorBody {
  return {
    error: error.code,
    message: error.message,
    hint: error.hint,
    ...(error.details === undefined ? {} : { details: error.details }),
  };
}

/** Turns anything thrown into an AppError. A foreign error becomes `internal_error` with fixed words; the cause is kept for the log. */
export function toAppError(thrown: unknown): AppError {
  if (thrown instanceof AppError) return thrown;
  return new AppError('internal_error', 'Something went wrong inside the agent.', { cause: thrown });
}
