import { AppError } from '../../shared/contract/index.ts';

/** What a file is by its first bytes, for a refusal that says what was really given. Pure. */
export interface ForeignKind {
  readonly kind: string;
  readonly sentence: string;
  readonly hint: string;
}

export const SNIFF_BYTES = 512;

const startsWith = (head: Buffer, ...bytes: number[]): boolean => bytes.every((byte, i) => head[i] === byte);

/** @returns null when the first bytes are those of a GGUF file. */
export function foreignKind(head: Buffer, size: number): ForeignKind | null {
  if (size === 0)
    return {
      kind: 'empty',
      sentence: 'This file is empty.',
      hint: 'Get it again; the transfer did not write anything.',
    };
  if (head.toString('latin1', 0, 4) === 'GGUF') return null;
  const text = head.toString('latin1').trimStart().slice(0, 64);
  const start = printable(text);
  if (/^<!doctype|^<html|^<\?xml|^<head/i.test(text)) {
    return {
      kind: 'web_page',
      sentence: `This file is a web page, not a GGUF: it starts with ${start}. The server probably asked for a login.`,
      hint: 'Download it again with a token that may read it.',
    };
  }
  if (text.startsWith('version https://git-lfs')) {
    return {
      kind: 'lfs_pointer',
      sentence: 'This file is a Git LFS pointer, not the model: it only names the real file.',
      hint: 'Run `git lfs pull` in the repository, or download the file itself.',
    };
  }
  if (startsWith(head, 0x50, 0x4b, 0x03, 0x04)) {
    return {
      kind: 'zip',
      sentence: 'This file is a ZIP archive (or a PyTorch checkpoint), not a GGUF.',
      hint: 'Unpack it first, or get the model as GGUF or safetensors.',
    };
  }
  if (startsWith(head, 0x1f, 0x8b))
    return { kind: 'gzip', sentence: 'This file is compressed with gzip.', hint: 'Unpack it first.' };
  if (startsWith(head, 0x28, 0xb5, 0x2f, 0xfd))
    return { kind: 'zstd', sentence: 'This file is compressed with zstd.', hint: 'Unpack it first.' };
  if (/^(lmgg|fmgg|tjgg|ggml|ggmf|ggjt)/.test(head.toString('latin1', 0, 4))) {
    return {
      kind: 'old_ggml',
      sentence: 'This file has the format before GGUF.',
      hint: 'Get the GGUF of the model; engines no longer read this one.',
    };
  }
  if (head.length > 9 && head[8] === 0x7b && head.readUInt32LE(4) === 0) {
    return {
      kind: 'safetensors',
      sentence: 'This is a single safetensors file; it needs its config.json and tokenizer.',
      hint: 'Import the directory that holds them all.',
    };
  }
  if (text.startsWith('{'))
    return {
      kind: 'json',
      sentence: 'This file is JSON, not a model.',
      hint: 'An error answer may have been saved in its place; look into it.',
    };
  return {
    kind: 'unknown',
    sentence: `This file is not a GGUF: it starts with ${start}.`,
    hint: 'Import a GGUF file, or a directory with config.json and safetensors files.',
  };
}

/** @throws {AppError} `unsupported_format` when the file is something else. */
export function assertGguf(head: Buffer, size: number): void {
  const foreign = foreignKind(head, size);
  if (foreign === null) return;
  throw new AppError('unsupported_format', foreign.sentence, {
    hint: foreign.hint,
    details: { reason: foreign.kind },
  });
}

function printable(text: string): string {
  const clean = text
    .replace(/[^\x20-\x7e]+/g, '·')
    .slice(0, 16)
    .trim();
  return clean === '' ? 'bytes that are not text' : clean;
}
