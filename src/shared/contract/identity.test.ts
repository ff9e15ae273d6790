import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import {
  canonicalFiles,
  canonicalRemote,
  countsForIdentity,
  defaultModelId,
  defaultModelName,
  NameSchema,
  shortDigest,
  slugify,
} from './identity.ts';

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

describe('the identity of content', () => {
  const file = (path: string, content: string) => ({
    path,
    size: Buffer.byteLength(content),
    sha256: sha256(content),
  });

  it('matches the published test vector', () => {
    const files = [
      file('config.json', '{}\n'),
      file('model.safetensors', 'weights'),
      file('tokenizer/vocab.txt', 'a\nb\n'),
    ];
    expect(sha256(canonicalFiles(files))).toBe(
      '28e782f7cf58fc38c9c96d50d6c6c204945ba00484984800d7f1cc000d68ec30',
    );
  });

  it('does not depend on the order of the files or on how an accent is written', () => {
    const a = file('a.json', '1');
    const composed = file('caf\u00e9.json', '2');
    const decomposed = { ...composed, path: 'cafe\u0301.json' };
    expect(canonicalFiles([composed, a])).toBe(canonicalFiles([a, decomposed]));
  });

  it('orders paths by their UTF-8 bytes, not by UTF-16 units', () => {
    // U+FF5E sorts before U+1F600 in UTF-8 and after its surrogates in UTF-16.
    const text = canonicalFiles([file('\u{1F600}', 'x'), file('\uFF5E', 'y')]);
    expect(text.indexOf('\uFF5E')).toBeLessThan(text.indexOf('\u{1F600}'));
  });

  it.each([
    ['config.json', true],
    ['model-00001-of-00002.safetensors', true],
    ['modeling_x.py', true],
    ['1_Pooling/config.json', true],
    ['model.yaml', false],
    ['sub/model.yaml', false],
    ['.gitattributes', false],
    ['.cache/x.json', false],
    ['README', false],
    ['readme.txt', false],
    ['LICENSE', false],
    ['licence.txt', false],
    ['NOTICE', false],
    ['USE_POLICY.md', false],
    ['docs/picture.PNG', false],
    ['notebook.ipynb', false],
  ])('%s counts: %s', (path, counts) => {
    expect(countsForIdentity(path)).toBe(counts);
  });

  it.each([
    ['https://API.Example.com/v1/', 'https://api.example.com/v1'],
    ['https://api.example.com:443', 'https://api.example.com'],
    ['http://host:8080/Path/', 'http://host:8080/Path'],
  ])('writes the origin %s as %s', (origin, written) => {
    expect(canonicalRemote('gpt-x', origin)).toBe(
      `{"kind":"remote","model":"gpt-x","origin":"${written}","schema":"modelops.remote.v1"}`,
    );
  });

  it('refuses an origin that is no URL', () => {
    expect(() => canonicalRemote('m', 'ftp://x')).toThrow(RangeError);
  });
});

describe('names', () => {
  it.each([
    ['/models/Qwen3-8B-Q4_K_M.gguf', 'qwen3-8b-q4_k_m'],
    ['/models/big-00001-of-00003.gguf', 'big'],
    ['org/Some Model (v2)/', 'some-model-v2'],
    ['/x/ÄÖÜ', 'model'],
    ['/x/.hidden', 'hidden'],
  ])('takes %s as %s', (path, name) => {
    expect(defaultModelName(path)).toBe(name);
    expect(NameSchema.safeParse(name).success).toBe(true);
  });

  it('keeps ids within 128 characters', () => {
    const id = defaultModelId('a'.repeat(128), 12);
    expect(id).toHaveLength(128);
    expect(id.endsWith('-v12')).toBe(true);
  });

  it('always makes a valid name', () => {
    for (const text of ['', '///', '---', 'A', '_x', 'x'.repeat(300)])
      expect(NameSchema.safeParse(slugify(text)).success).toBe(true);
  });

  it('shortens digests to 6 and 4 digits', () => {
    expect(shortDigest('urn:modelops:content:sha256:9f3a1c00000000000000c21b')).toBe('9f3a1c…c21b');
  });
});
