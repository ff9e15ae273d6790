import { AppError, SlotConfigSchema, type SlotConfig } from '../shared/contract/index.ts';

/** Settings of a slot as they were typed. @throws {AppError} `invalid_argument` naming what is wrong with them. */
export function readSlotConfig(text: string): SlotConfig {
  const refuse = (problem: string, cause?: unknown): AppError =>
    new AppError('invalid_argument', `--config is not a set of slot settings: ${problem}`, {
      hint: `For instance --config '{"context_length":4096}'.`,
      cause,
    });
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw refuse(text, cause);
  }
  const parsed = SlotConfigSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw refuse(issue === undefined ? text : `${issue.path.join('.')} ${issue.message}`.trim());
}
