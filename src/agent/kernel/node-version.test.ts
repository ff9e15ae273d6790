import { describe, expect, it } from 'vitest';
import { assertNodeVersion } from './node-version.ts';

describe('Node', () => {
  it.each(['18.0.0', '20.20.2', '23.9.0'])('%s is refused with a sentence', (version) => {
    expect(() => assertNodeVersion(version)).toThrow(/needs Node.js 24/);
  });
  it('24 and later pass', () => {
    expect(() => assertNodeVersion('24.0.0')).not.toThrow();
    expect(() => assertNodeVersion('26.1.0')).not.toThrow();
  });
});
