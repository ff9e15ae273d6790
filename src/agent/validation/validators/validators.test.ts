import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { writeSpeakingModel } from '../../../../test/support/models.ts';
import {
  CHECKPOINT,
  CHECKPOINT_THAT_RUNS,
  CONTAINER,
  RUNS_A_COMMAND,
} from '../../../../test/support/pickles.ts';
import { temporaryDirectory } from '../../../../test/support/temporary.ts';
import type { ModelConfig } from '../../../shared/contract/index.ts';
import { ModelFiles } from '../../artifacts/index.ts';
import { writeGguf } from '../../catalog/sample/gguf-writer.ts';
import type { ModelRow } from '../../catalog/index.ts';
import { createLogger } from '../../kernel/logger.ts';
import { chatTemplate } from './chat-template.ts';
import { licence } from './licence.ts';
import { memoryFit } from './memory-fit.ts';
import { refusing, ValidatorRegistry } from './registry.ts';
import { remoteCode } from './remote-code.ts';
import { tokenizer } from './tokenizer.ts';
import { unsafeFormats } from './unsafe-formats.ts';
import type { Finding, Validator } from './validator.ts';

const { signal } = new AbortController();
const model = { id: 'm-v1', hosting: 'local', task_key: 'llm' } as ModelRow;

/** What a validator finds in a directory with these files. */
async function find(
  validator: Validator,
  files: Readonly<Record<string, string | Buffer>>,
  config: ModelConfig = {},
): Promise<Finding> {
  await using directory = await temporaryDirectory();
  for (const [name, content] of Object.entries(files)) await writeFile(join(directory.path, name), content);
  const list = Object.entries(files).map(([path, content]) => ({
    path,
    size: Buffer.byteLength(content),
    sha256: '',
  }));
  const read = new ModelFiles(list, (file) => join(directory.path, file.path));
  return validator.run({ model, files: read, config, thorough: false }, signal);
}

function npy(header: string, content: Buffer): Buffer {
  const text = Buffer.from(`${header}\n`);
  const length = Buffer.alloc(2);
  length.writeUInt16LE(text.length);
  return Buffer.concat([Buffer.from('\x93NUMPY\x01\x00', 'latin1'), length, text, content]);
}

describe('unsafe formats', () => {
  it.each([
    ['extra.joblib', RUNS_A_COMMAND[4]!, 'failure', /posix\.system/],
    ['extra.joblib', RUNS_A_COMMAND[0]!, 'failure', /posix\.system/],
    ['weights.dat', RUNS_A_COMMAND[2]!, 'failure', /posix\.system/],
    ['weights.dat', CHECKPOINT_THAT_RUNS, 'failure', /posix\.system/],
    ['weights.bin', CHECKPOINT, 'warning', /only rebuilds data/],
    ['extra.joblib', CONTAINER, 'warning', /only rebuilds data/],
    ['extra.joblib', Buffer.from('no pickle'), 'failure', /cannot be looked into/],
    ['extra.pkl', Buffer.from('\x1f\x8bnot gzip'), 'failure', /cannot be looked into/],
    ['cut.pt', CONTAINER.subarray(0, -3), 'failure', /cannot be looked into/],
    ['notes.dat', Buffer.from('nothing but notes'), 'success', /No file/],
    ['numbers.bin', Buffer.alloc(64, 1), 'success', /No file/],
    ['model.keras', Buffer.from('anything'), 'failure', /cannot be looked into/],
    [
      'array.npy',
      npy("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }", RUNS_A_COMMAND[3]!),
      'failure',
      /posix\.system/,
    ],
    [
      'array.npy',
      npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }", Buffer.alloc(4)),
      'success',
      /No file/,
    ],
  ] as const)('%s: %#', async (name, content, result, summary) => {
    expect(await find(unsafeFormats, { 'config.json': '{}', [name]: content })).toMatchObject({
      result,
      summary: expect.stringMatching(summary),
    });
  });
});

describe('code in the model', () => {
  const map = JSON.stringify({ auto_map: { AutoModel: 'modeling.Own' } });

  it.each([
    [{ 'config.json': '{}' }, {}, 'success'],
    [{ 'config.json': '{}', 'convert.py': '' }, {}, 'warning'],
    [{ 'config.json': map, 'modeling.py': '' }, {}, 'failure'],
    [{ 'config.json': map, 'modeling.py': '' }, { trust_remote_code: false }, 'failure'],
    [{ 'config.json': map, 'modeling.py': '' }, { trust_remote_code: true }, 'success'],
    // Code from another repository needs no file here.
    [{ 'tokenizer_config.json': map }, {}, 'failure'],
  ] as const)('%j with %j', async (files, config, result) => {
    expect((await find(remoteCode, files as Record<string, string>, config)).result).toBe(result);
  });
});

describe('the licence', () => {
  it.each([
    ['---\nlicense: apache-2.0\n---\n# A model', 'success', undefined],
    ['---\nlicense: cc-by-nc-4.0\n---\n', 'warning', 'non_commercial'],
    ['---\nlicense: gpl-3.0\n---\n', 'warning', 'share_alike'],
    ['---\nlicense: llama3.2\n---\n', 'warning', 'own_terms'],
    ['---\nlicense: other\nlicense_name: house-rules\n---\n', 'warning', 'unknown'],
    ['---\nlicense: mit\nextra_gated_prompt: Agree\n---\n', 'warning', 'gated'],
    ['---\nlicense: [broken\n---\n', 'warning', 'unknown'],
    ['# nothing said', 'warning', 'unknown'],
  ] as const)('of a README: %j', async (readme, result, reason) => {
    const found = await find(licence, { 'README.md': readme });
    expect(found.result).toBe(result);
    expect(found.details?.['reason']).toBe(reason);
  });

  it('of a file, and of a GGUF header', async () => {
    const apache = 'Apache License\n   Version 2.0, January 2004';
    expect((await find(licence, { LICENSE: apache })).details).toMatchObject({ licence: 'apache-2.0' });
    const own = 'For non-commercial use only.';
    expect(await find(licence, { 'LICENSE.txt': own })).toMatchObject({
      result: 'warning',
      details: { reason: 'non_commercial' },
    });
    const header = writeGguf(
      {
        'general.architecture': { type: 'string', value: 'llama' },
        'general.license': { type: 'string', value: 'MIT' },
      },
      [],
    );
    expect(await find(licence, { 'model.gguf': header })).toMatchObject({
      result: 'success',
      details: { licence: 'mit', source: 'the GGUF header' },
    });
  });
});

describe('the chat template', () => {
  const named = [
    { name: 'tools', template: '{%' },
    { name: 'default', template: '{{ messages }}' },
  ];

  it.each([
    [
      { 'tokenizer_config.json': JSON.stringify({ chat_template: '{% for m in messages %}' }) },
      {},
      'not_valid',
    ],
    [{ 'tokenizer_config.json': '{}' }, {}, 'absent'],
    [{ 'tokenizer_config.json': 'no JSON' }, {}, 'absent'],
    [{ 'tokenizer_config.json': '{}', 'chat_template.jinja': '{{ messages[0].content }}' }, {}, undefined],
    [{ 'tokenizer_config.json': JSON.stringify({ chat_template: named }) }, {}, undefined],
    [{ 'chat_template.json': JSON.stringify({ chat_template: '{{ messages }}' }) }, {}, undefined],
    [{ 'tokenizer_config.json': '{}' }, { chat_template: '{{ messages }}' }, undefined],
    [{ 'chat_template.jinja': '{{ messages }}' }, { chat_template: '{{ broken' }, 'not_valid'],
  ] as const)('%j with %j', async (files, config, reason) => {
    const found = await find(chatTemplate, files, config);
    expect(found.result).toBe(reason === undefined ? 'success' : 'warning');
    expect(found.details?.['reason']).toBe(reason);
  });
});

describe('the tokenizer', () => {
  it.each([
    [{ 'tokenizer.json': '{}' }, 'success'],
    [{ 'vocab.json': '{}', 'merges.txt': '' }, 'success'],
    [{ 'vocab.json': '{}' }, 'warning'],
    [{ 'qwen.tiktoken': '' }, 'success'],
    [{ 'config.json': '{}' }, 'warning'],
  ] as const)('%j', async (files, result) => {
    expect((await find(tokenizer, files as Record<string, string>)).result).toBe(result);
  });

  it('of a GGUF header', async () => {
    await using directory = await temporaryDirectory();
    const path = await writeSpeakingModel(join(directory.path, 'model.gguf'), 'speaker');
    const files = new ModelFiles([{ path: 'model.gguf', size: 1, sha256: '' }], () => path);
    expect(await tokenizer.run({ model, files, config: {}, thorough: false }, signal)).toMatchObject({
      result: 'success',
      details: { kind: 'llama' },
    });
    const bare = writeGguf({ 'general.architecture': { type: 'string', value: 'llama' } }, []);
    expect((await find(tokenizer, { 'model.gguf': bare })).result).toBe('warning');
  });
});

describe('memory', () => {
  it('is told when somebody can estimate it', async () => {
    const estimate = {
      fits: false,
      required_bytes: 8 * 1024 ** 3,
      available_bytes: 4 * 1024 ** 3,
      verdict: 'Too large: 8.0 GiB, memory 4.0.',
    };
    const estimator = { estimate: () => Promise.resolve(estimate) };
    expect(await find(memoryFit({ estimator }), {})).toMatchObject({
      result: 'warning',
      summary: 'It needs about 8.0 GiB. Too large: 8.0 GiB, memory 4.0.',
    });
    expect((await find(memoryFit({ estimator: null }), {})).result).toBe('skipped');
  });
});

describe('the registry', () => {
  const log = createLogger({ level: 'silent' });
  const validator = (kind: string, run: Validator['run'], more: Partial<Validator> = {}): Validator => ({
    kind,
    title: kind,
    description: '',
    required: true,
    hosting: ['local'],
    applies: () => true,
    run,
    ...more,
  });
  const files = new ModelFiles([], () => '');
  const context = { model, files, config: {}, thorough: false };

  it('asks those that concern the model, and takes what throws for a failure', async () => {
    const registry = new ValidatorRegistry(
      [
        validator('fine', () => ({ result: 'success', summary: 'Yes.' })),
        validator('elsewhere', () => ({ result: 'failure', summary: 'No.' }), { hosting: ['cloud'] }),
        validator('not-this', () => ({ result: 'failure', summary: 'No.' }), { applies: () => false }),
        validator('broken', () => Promise.reject(new Error('a secret path'))),
        validator('told', () => ({ result: 'failure', summary: 'No.' }), { required: false }),
      ],
      log,
    );
    const checks = await registry.ask(context, signal);
    expect(checks.map((check) => [check.validator_kind, check.result])).toEqual([
      ['fine', 'success'],
      ['broken', 'failure'],
      ['told', 'failure'],
    ]);
    expect(JSON.stringify(checks)).not.toContain('secret');
    expect(refusing(checks).map((check) => check.validator_kind)).toEqual(['broken']);
  });

  it('refuses two of one kind, and stops when whoever asked is gone', async () => {
    const yes = validator('same', () => ({ result: 'success', summary: 'Yes.' }));
    expect(() => new ValidatorRegistry([yes, yes], log)).toThrow('two validators are called same');
    const gone = AbortSignal.abort(new Error('gone'));
    await expect(new ValidatorRegistry([yes], log).ask(context, gone)).rejects.toThrow('gone');
  });
});
