import { Template } from '@huggingface/jinja';
import type { ModelFiles } from '../../artifacts/index.ts';
import { ggufHeader, ggufText, JSON_LIMIT } from './model-texts.ts';
import type { Finding, Validator, ValidatorContext } from './validator.ts';

const TEMPLATE_LIMIT = 1_000_000;

interface Found {
  readonly text: string;
  readonly where: string;
}

/** Whether chat requests can be turned into the text this model was trained on. Told only: completions need none. */
export const chatTemplate: Validator = {
  kind: 'chat_template',
  title: 'Chat template',
  description: 'A template for chat requests is there and is valid Jinja.',
  required: false,
  hosting: ['local'],
  applies: (model) => model.task_key === 'llm',
  run: async (context, signal) => {
    const found = await findTemplate(context, signal);
    if (found === null)
      return {
        result: 'warning',
        summary:
          'There is no chat template. A base model has none; chat requests then depend on what the engine assumes.',
        details: { reason: 'absent' },
      };
    return parsed(found);
  },
};

function parsed({ text, where }: Found): Finding {
  try {
    // Parsed, never rendered: a template comes from a stranger and may count for ever.
    void new Template(text);
    return {
      result: 'success',
      summary: `The chat template from ${where} is valid.`,
      details: { source: where, length: text.length },
    };
  } catch (error) {
    const why = error instanceof Error ? error.message.slice(0, 200) : 'it cannot be parsed';
    return {
      result: 'warning',
      summary: `The chat template from ${where} is not valid Jinja (${why}); chat requests may fail.`,
      details: { source: where, reason: 'not_valid' },
    };
  }
}

async function findTemplate({ files, config }: ValidatorContext, signal: AbortSignal): Promise<Found | null> {
  if (config.chat_template !== undefined)
    return { text: config.chat_template, where: 'the configuration of the model' };
  const header = await ggufHeader(files, signal);
  if (header !== null) {
    const text = ggufText(header, 'tokenizer.chat_template');
    return text === null ? null : { text, where: 'the GGUF header' };
  }
  const jinja = await files.text('chat_template.jinja', TEMPLATE_LIMIT, signal);
  if (jinja !== null) return { text: jinja, where: 'chat_template.jinja' };
  return (
    (await fromJson(files, 'chat_template.json', signal)) ??
    (await fromJson(files, 'tokenizer_config.json', signal))
  );
}

/** A template stands there as text, or as a list of named ones of which `default` is for chat. */
async function fromJson(files: ModelFiles, path: string, signal: AbortSignal): Promise<Found | null> {
  const value = (await files.json(path, JSON_LIMIT, signal))?.['chat_template'];
  if (typeof value === 'string') return { text: value, where: path };
  if (!Array.isArray(value)) return null;
  const named = value as { name?: unknown; template?: unknown }[];
  const chosen = named.find((entry) => entry?.name === 'default') ?? named[0];
  return typeof chosen?.template === 'string' ? { text: chosen.template, where: path } : null;
}
