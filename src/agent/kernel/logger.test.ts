import { describe, expect, it } from 'vitest';
import { newToken } from './ids.ts';
import { createLogger, redactText } from './logger.ts';

describe('logs', () => {
  it('carry no secret, whatever field or text it stands in', () => {
    const lines: string[] = [];
    const log = createLogger({
      level: 'info',
      destination: { write: (line: string) => void lines.push(line) },
    });
    const token = newToken('mok');
    log.info(
      {
        token,
        headers: { authorization: `Bearer ${token}` },
        nested: { deep: { api_key: 'sk-abcdefghijklmnopqrstuv' } },
      },
      `called with ${token}`,
    );
    const text = lines.join('');
    expect(text).not.toContain(token);
    expect(text).not.toContain('sk-abc');
    expect(text).toContain('[redacted]');
  });

  it('lets ordinary text pass', () => {
    expect(redactText('model sample-v1 in slot chat')).toBe('model sample-v1 in slot chat');
    expect(redactText('Authorization: Bearer abc.def')).toBe('Authorization: [redacted]');
  });
});
