import type { ModelFiles } from '../../artifacts/index.ts';
import { ggufHeader, ggufText } from './model-texts.ts';
import type { Finding, Validator } from './validator.ts';

/** Any of these, or each of a group, is a tokenizer. */
const TOKENIZER_FILES: readonly (readonly string[])[] = [
  ['tokenizer.json'],
  ['tokenizer.model'],
  ['spiece.model'],
  ['sentencepiece.bpe.model'],
  ['tekken.json'],
  ['vocab.json', 'merges.txt'],
  ['vocab.txt'],
];

/** Whether the model brings its tokenizer. Told only: an engine may be given another one. */
export const tokenizer: Validator = {
  kind: 'tokenizer',
  title: 'Tokenizer',
  description: 'The vocabulary that turns text into tokens comes with the model.',
  required: false,
  hosting: ['local'],
  applies: (model) => ['llm', 'embeddings', 'rerank'].includes(model.task_key),
  run: async ({ files }, signal) => {
    const header = await ggufHeader(files, signal);
    if (header === null) return inDirectory(files);
    const kind = ggufText(header, 'tokenizer.ggml.model');
    const tokens = header.metadata.get('tokenizer.ggml.tokens');
    const count = typeof tokens === 'object' && 'length' in tokens ? tokens.length : 0;
    return kind === null || count === 0
      ? missing('The GGUF header has no tokenizer; an engine can only take token numbers.')
      : {
          result: 'success',
          summary: `A ${kind} tokenizer with ${count.toLocaleString('en')} tokens.`,
          details: { kind, token_count: count },
        };
  },
};

function inDirectory(files: ModelFiles): Finding {
  const found = TOKENIZER_FILES.find((group) => group.every((name) => files.find(name) !== undefined));
  if (found !== undefined)
    return {
      result: 'success',
      summary: `The tokenizer is in ${found.join(' and ')}.`,
      details: { files: [...found] },
    };
  const tiktoken = files.list.find((file) => file.path.endsWith('.tiktoken'));
  if (tiktoken !== undefined)
    return {
      result: 'success',
      summary: `The tokenizer is in ${tiktoken.path}.`,
      details: { files: [tiktoken.path] },
    };
  return missing('There is no tokenizer among the files; an engine has to be given one.');
}

function missing(summary: string): Finding {
  return { result: 'warning', summary, details: { reason: 'absent' } };
}
