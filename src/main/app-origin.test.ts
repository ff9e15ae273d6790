import { describe, expect, it } from 'vitest';
import {
  isAgentPath,
  isAppUrl,
  isLocalAbsolutePath,
  isNavigationAllowed,
  isPageRequestAllowed,
  linkAmong,
  mayOpenExternal,
  pathOfLink,
} from './app-origin.ts';

describe('the address of the app', () => {
  it.each([
    ['app://modelops/', true],
    ['app://modelops/models?q=x#top', true],
    ['app://modelops.evil/', false],
    ['app://evil@modelops/', false],
    ['app://modelops:80/', false],
    ['app://other/', false],
    ['https://modelops/', false],
    ['file:///modelops', false],
    ['modelops', false],
  ])('%s: %s', (url, isOurs) => {
    expect(isAppUrl(url)).toBe(isOurs);
  });

  it('leads to the agent below /v1 and to nothing else', () => {
    expect(['/v1', '/v1/', '/v1/models', '/healthz'].map(isAgentPath)).toEqual([true, true, true, true]);
    expect(['/', '/v10', '/v1x/', '/models/v1', '/healthz/x'].map(isAgentPath)).toEqual(
      Array.from({ length: 5 }, () => false),
    );
  });

  it('is where a window stays, outside the data', () => {
    expect(isNavigationAllowed('app://modelops/slots/chat')).toBe(true);
    for (const url of ['app://modelops/v1/models', 'https://example.com/', 'about:blank', 'data:text/html,x'])
      expect([url, isNavigationAllowed(url)]).toEqual([url, false]);
  });

  it('is all that a page may ask for', () => {
    for (const url of ['app://modelops/v1/models', 'blob:app://modelops/1-2', 'data:image/png;base64,AA'])
      expect([url, isPageRequestAllowed(url, true)]).toEqual([url, true]);
    for (const url of [
      'https://huggingface.co/',
      'http://127.0.0.1:7411/',
      'ws://localhost/',
      'file:///etc/passwd',
    ])
      expect([url, isPageRequestAllowed(url, false)]).toEqual([url, false]);
    expect(isPageRequestAllowed('devtools://devtools/bundled/x.js', false)).toBe(true);
    expect(isPageRequestAllowed('devtools://devtools/bundled/x.js', true)).toBe(false);
  });
});

describe('a link outward', () => {
  const wanted = { url: 'https://huggingface.co/org/repo', msSinceInput: 10, profile: 'online' as const };

  it('opens after a click, while online', () => {
    expect(mayOpenExternal(wanted)).toBe(true);
  });

  it.each([
    ['plain http', { url: 'http://huggingface.co/' }],
    ['a file', { url: 'file:///etc/passwd' }],
    ['a program', { url: 'ms-msdt:/id' }],
    ['a name and a password', { url: 'https://user:secret@huggingface.co/' }],
    ['no address', { url: 'huggingface.co' }],
    ['nobody clicked', { msSinceInput: null }],
    ['the click is long ago', { msSinceInput: 5001 }],
    ['offline', { profile: 'offline' as const }],
    ['a profile that nobody told', { profile: null }],
  ])('stays closed: %s', (_why, change) => {
    expect(mayOpenExternal({ ...wanted, ...change })).toBe(false);
  });
});

describe('a modelops:// link', () => {
  it.each([
    ['modelops://', '/'],
    ['modelops:///', '/'],
    ['modelops://models', '/models'],
    ['modelops://models/', '/models'],
    ['MODELOPS://models/Some', '/models/Some'],
    ['modelops:models/x', '/models/x'],
    ['modelops://discover/hf/org/repo?rev=main&choice=Q4', '/discover/hf/org/repo?rev=main&choice=Q4'],
    ['modelops://settings#network', '/settings#network'],
    ['modelops://settings#code=stolen', '/settings'],
    ['modelops://go/hf%3A%2F%2Forg%2Frepo', '/go/hf%3A%2F%2Forg%2Frepo'],
    ['modelops://a/../../b', '/b'],
    ['modelops:////evil.example/x', '/evil.example/x'],
    ['modelops:\\\\evil.example\\x', '/evil.example\\x'],
  ])('%s opens %s', (link, path) => {
    expect(pathOfLink(link)).toBe(path);
  });

  it.each([
    'modelops://v1/system/stop',
    'modelops://x/../v1/system',
    'modelops://healthz',
    'https://example.com/',
    'app://modelops/models',
    `modelops://models/${'x'.repeat(3000)}`,
  ])('%s opens nothing', (link) => {
    expect(pathOfLink(link)).toBeNull();
  });

  it('is found among the arguments of a start', () => {
    expect(linkAmong(['electron', '--flag', '/path', 'modelops://models'])).toBe('modelops://models');
    expect(linkAmong(['electron', '--url=modelops://models'])).toBeNull();
  });
});

describe('a path for the file manager', () => {
  it.each([
    ['/models/a.gguf', 'linux', true],
    ['models/a.gguf', 'linux', false],
    ['/a\0b', 'linux', false],
    ['C:\\models\\a.gguf', 'win32', true],
    ['\\\\server\\share', 'win32', false],
    ['//server/share', 'win32', false],
    [7, 'linux', false],
    [undefined, 'darwin', false],
  ] as const)('%s on %s: %s', (path, platform, isLocal) => {
    expect(isLocalAbsolutePath(path, platform)).toBe(isLocal);
  });
});
