import { describe, expect, it } from 'vitest';
import { AppError } from '../../shared/contract/index.ts';
import { fsError } from './files.ts';

const system = (code: string): Error => Object.assign(new Error(`${code}: something`), { code });

describe('an error of the file system', () => {
  it.each([
    ['ENOENT', 'not_found'],
    ['ENOTDIR', 'not_found'],
    ['EACCES', 'permission_denied'],
    ['EPERM', 'permission_denied'],
    ['ENOSPC', 'resource_exhausted'],
    ['EDQUOT', 'resource_exhausted'],
    ['EROFS', 'storage_unavailable'],
    ['EIO', 'storage_unavailable'],
    ['ENODEV', 'storage_unavailable'],
    ['ESTALE', 'storage_unavailable'],
  ] as const)('%s is told as %s, with the path', (code, told) => {
    expect(fsError(system(code), '/models/a.gguf')).toMatchObject({
      code: told,
      message: expect.stringContaining('/models/a.gguf'),
    });
  });

  it('that is ours or nobody’s comes back as it is', () => {
    const ours = new AppError('conflict', 'It changed.');
    const strange = system('ELOOP');
    expect(fsError(ours, '/x')).toBe(ours);
    expect(fsError(strange, '/x')).toBe(strange);
    expect(fsError('text', '/x')).toBe('text');
  });
});
