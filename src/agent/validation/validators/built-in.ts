import type { BlobStore } from '../../artifacts/index.ts';
import { artifactIntegrity } from './artifact-integrity.ts';
import { chatTemplate } from './chat-template.ts';
import { licence } from './licence.ts';
import { memoryFit, type MemoryEstimator } from './memory-fit.ts';
import { remoteCode } from './remote-code.ts';
import { tokenizer } from './tokenizer.ts';
import { unsafeFormats } from './unsafe-formats.ts';
import type { Validator } from './validator.ts';

/** The validators for local models. Those that call a provider stand with what calls providers. */
export function builtInValidators(deps: {
  blobs: BlobStore;
  estimator: MemoryEstimator | null;
}): Validator[] {
  return [
    artifactIntegrity(deps),
    unsafeFormats,
    remoteCode,
    tokenizer,
    chatTemplate,
    licence,
    memoryFit(deps),
  ];
}
