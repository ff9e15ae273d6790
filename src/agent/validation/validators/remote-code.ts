import { JSON_LIMIT } from './model-texts.ts';
import type { Validator } from './validator.ts';
import { listInWords } from './words.ts';

/** Files in which `auto_map` names Python of the model that an engine would load. */
const CONFIGS = [
  'config.json',
  'tokenizer_config.json',
  'preprocessor_config.json',
  'processor_config.json',
  'generation_config.json',
] as const;

/** Whether loading the model would run Python that its publisher wrote. Allowed only where somebody said so for this model. */
export const remoteCode: Validator = {
  kind: 'remote_code',
  title: 'Code in the model',
  description: 'Loading it runs no code of its publisher, or somebody allowed that for this model.',
  required: true,
  hosting: ['local'],
  applies: () => true,
  run: async ({ files, config }, signal) => {
    const code = files.list.map((file) => file.path).filter((path) => /\.py$/i.test(path));
    const naming: string[] = [];
    for (const path of CONFIGS) {
      const map = (await files.json(path, JSON_LIMIT, signal))?.['auto_map'];
      if (typeof map === 'object' && map !== null && Object.keys(map).length > 0) naming.push(path);
    }
    const details = { auto_map_in: naming, code_files: code.slice(0, 50) };
    if (naming.length === 0 && code.length === 0)
      return { result: 'success', summary: 'It brings no code.', details };
    if (naming.length === 0)
      return {
        result: 'warning',
        summary: `It brings Python (${listInWords(code)}) that no configuration loads.`,
        details,
      };
    const loads = `${listInWords(naming)} makes an engine load Python of the model`;
    if (config.trust_remote_code === true)
      return {
        result: 'success',
        summary: `${loads}; trust_remote_code is set for this model, so that is allowed.`,
        details: { ...details, trusted: true },
      };
    return {
      result: 'failure',
      summary: `${loads}. Read it, then set trust_remote_code in the configuration of this model to allow it.`,
      details: { ...details, trusted: false },
    };
  },
};
