import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AppError } from '../../shared/contract/index.ts';
import { embeddingModel, speakingModel } from '../catalog/sample/speaking-model.ts';
import { writeGguf } from '../catalog/sample/gguf-writer.ts';
import type { ByteSource } from './byte-source.ts';
import { assertGguf, foreignKind } from './file-kind.ts';
import { readGgufHeader } from './gguf.ts';
import { factsFromDirectory, factsFromGguf } from './model-facts.ts';
import { readSafetensorsHeader } from './safetensors.ts';

const signal = new AbortController().signal;
const bytes = (buffer: Buffer): ByteSource => ({
  size: buffer.length,
  read: (offset, length) => Promise.resolve(buffer.subarray(offset, offset + length)),
});
const alpha = speakingModel({ name: 'alpha', sentence: 'I am alpha.', contextLength: 512 });
const refused = async (run: Promise<unknown>): Promise<AppError> =>
  run.then(
    () => Promise.reject(new Error('it was accepted')),
    (error: unknown) => error as AppError,
  );

describe('a GGUF header', () => {
  it('tells what the model is', async () => {
    const header = await readGgufHeader(bytes(alpha), signal);
    expect(header.endOffset).toBe(alpha.length);
    expect(factsFromGguf(header)).toMatchObject({
      architecture: 'llama',
      task_key: 'llm',
      quantization: 'F32',
      context_length: 512,
      has_chat_template: true,
      title: 'alpha',
    });
    expect(factsFromGguf(header).parameter_count).toBe(header.parameterCount);
  });

  it('knows an embedding model by its pooling', async () => {
    expect(factsFromGguf(await readGgufHeader(bytes(embeddingModel('e')), signal)).task_key).toBe(
      'embeddings',
    );
  });

  it.each([
    ['bert', {}, 'embeddings'],
    ['llama', { 'llama.pooling_type': { type: 'u32', value: 4 } }, 'rerank'],
    ['llama', { 'llama.pooling_type': { type: 'u32', value: 0 } }, 'llm'],
  ] as const)('takes %s with %o for %s', async (architecture, more, task) => {
    const file = writeGguf({ 'general.architecture': { type: 'string', value: architecture }, ...more }, []);
    expect(factsFromGguf(await readGgufHeader(bytes(file), signal)).task_key).toBe(task);
  });

  it('says that a file is cut off, and how far it should reach', async () => {
    const error = await refused(readGgufHeader(bytes(alpha.subarray(0, alpha.length - 100)), signal));
    expect(error).toMatchObject({
      code: 'unsupported_format',
      details: { reason: 'truncated', expected_bytes: alpha.length },
    });
  });

  it('refuses versions it does not know', async () => {
    const newer = Buffer.from(alpha);
    newer.writeUInt32LE(99, 4);
    expect(await refused(readGgufHeader(bytes(newer), signal))).toMatchObject({
      details: { reason: 'version', version: 99 },
    });
    newer.writeUInt32BE(3, 4);
    expect((await refused(readGgufHeader(bytes(newer), signal))).message).toContain('big-endian');
  });

  it('never allocates what a length field claims', async () => {
    const liar = Buffer.from(alpha);
    liar.writeBigUInt64LE(0x7fff_ffff_ffff_ffffn, 24);
    expect(await refused(readGgufHeader(bytes(liar), signal))).toMatchObject({ code: 'unsupported_format' });
  });

  it('ends every damaged header with a refusal, never with another error', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.nat(2000),
        fc.uint8Array({ minLength: 1, maxLength: 16 }),
        fc.nat(3000),
        async (at, patch, keep) => {
          const damaged = Buffer.from(alpha.subarray(0, Math.max(1, keep)));
          damaged.set(patch.subarray(0, Math.max(0, damaged.length - at)), Math.min(at, damaged.length - 1));
          const result = await readGgufHeader(bytes(damaged), signal).catch((error: unknown) => error);
          if (result instanceof Error) expect(result).toBeInstanceOf(AppError);
        },
      ),
      { numRuns: 300 },
    );
  });
});

describe('a file that is something else', () => {
  it.each([
    ['a web page', '<!DOCTYPE html><html>', 'web_page'],
    ['a web page after white space', '\n  <html lang="en">', 'web_page'],
    ['an LFS pointer', 'version https://git-lfs.github.com/spec/v1\noid sha256:', 'lfs_pointer'],
    ['a zip', 'PK\u0003\u0004rest', 'zip'],
    ['an error answer', '{"error":"not found"}', 'json'],
    ['an old ggml file', 'tjgg....', 'old_ggml'],
    ['noise', '\u0000\u0001\u0002\u0003', 'unknown'],
  ])('%s', (_name, content, kind) => {
    const head = Buffer.from(content, 'latin1');
    expect(foreignKind(head, head.length)?.kind).toBe(kind);
    expect(() => assertGguf(head, head.length)).toThrow(AppError);
  });

  it('an empty file', () => {
    expect(foreignKind(Buffer.alloc(0), 0)?.kind).toBe('empty');
  });

  it('says what a web page starts with', () => {
    const page = Buffer.from('<!DOCTYPE html>');
    expect(foreignKind(page, page.length)?.sentence).toContain('<!DOCTYPE html>');
  });

  it('lets a GGUF pass', () => {
    expect(foreignKind(alpha.subarray(0, 512), alpha.length)).toBeNull();
  });
});

describe('a safetensors header', () => {
  const file = (header: unknown, data: number): Buffer => {
    const text = Buffer.from(JSON.stringify(header));
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(text.length));
    return Buffer.concat([length, text, Buffer.alloc(data)]);
  };
  const tensor = { dtype: 'BF16', shape: [2, 4], data_offsets: [0, 16] };

  it('counts parameters', async () => {
    const header = await readSafetensorsHeader(
      bytes(file({ a: tensor, __metadata__: { format: 'pt' } }, 16)),
      'm',
      signal,
    );
    expect(header).toEqual({
      parameterCount: 8,
      dtypes: ['BF16'],
      tensorNames: ['a'],
      tensors: { tokenEmbedding: 0, output: 0, layers: [], other: 16 },
    });
  });

  it.each([
    ['cut off', file({ a: tensor }, 10), 'truncated'],
    ['not JSON', Buffer.concat([Buffer.from([4, 0, 0, 0, 0, 0, 0, 0]), Buffer.from('oops')]), 'damaged'],
    ['a huge header', Buffer.from([255, 255, 255, 255, 0, 0, 0, 0]), 'damaged'],
    ['without tensors', file({}, 0), 'damaged'],
    ['with an odd tensor', file({ a: { dtype: 1 } }, 0), 'damaged'],
  ])('refuses one that is %s', async (_name, buffer, reason) => {
    expect(await refused(readSafetensorsHeader(bytes(buffer), 'm', signal))).toMatchObject({
      code: 'unsupported_format',
      details: { reason },
    });
  });

  it('takes the text part of a multimodal model', () => {
    const facts = factsFromDirectory({
      config: {
        architectures: ['XForConditionalGeneration'],
        text_config: { max_position_embeddings: 99 },
        auto_map: { a: 'b' },
      },
      tokenizerConfig: null,
      fileNames: ['config.json', 'modeling.py'],
      headers: [
        {
          parameterCount: 5,
          dtypes: ['F16'],
          tensorNames: ['a'],
          tensors: { tokenEmbedding: 0, output: 0, layers: [], other: 10 },
        },
      ],
    });
    expect(facts).toMatchObject({
      context_length: 99,
      task_key: 'llm',
      ships_code: true,
      quantization: 'F16',
      has_chat_template: false,
    });
  });
});

describe('speaking models', () => {
  it('refuse a sentence they cannot say', () => {
    expect(() => speakingModel({ name: 'x', sentence: 'a b a' })).toThrow(RangeError);
    expect(() =>
      speakingModel({ name: 'x', sentence: Array.from({ length: 70 }, (_, i) => `w${i}`).join(' ') }),
    ).toThrow(RangeError);
  });
});
