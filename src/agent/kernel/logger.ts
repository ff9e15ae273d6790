import { pino, type DestinationStream, type Logger as PinoLogger } from 'pino';

/** Structured logs to stderr, one JSON object a line. Fields that can carry a secret are cut out wherever they sit. */
export type Logger = PinoLogger;

const SECRET_FIELDS = ['authorization', 'token', 'api_key', 'key', 'password', 'secret', 'cookie'];
const REDACT_PATHS = SECRET_FIELDS.flatMap((field) => [field, `*.${field}`, `*.*.${field}`]);

/** Keys and bearer tokens inside free text. */
const SECRET_TEXT =
  /\b(mo[a-z]{0,3}_[A-Za-z0-9_-]{20,}|hf_[A-Za-z0-9]{20,}|sk-[A-Za-z0-9_-]{16,}|Bearer\s+[^\s"',]+)/g;

/** Replaces what looks like a key in a text that is shown or logged. */
export function redactText(text: string): string {
  return text.replace(SECRET_TEXT, '[redacted]');
}

export interface LoggerOptions {
  readonly level: string;
  readonly destination?: DestinationStream;
}

export function createLogger({ level, destination }: LoggerOptions): Logger {
  return pino(
    {
      level,
      base: null,
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: REDACT_PATHS, censor: '[redacted]' },
      hooks: {
        // Messages are text that may quote what a runtime or a user wrote.
        streamWrite: redactText,
      },
    },
    destination ?? process.stderr,
  );
}
