import { describe, expect, it } from 'vitest';
import { failuresOf, outcomeOf, SUITES, verdictOf, type Report } from '../../tools/suites.ts';

const report = (over: Partial<Report> = {}): Report => ({
  success: true,
  numPassedTests: 3,
  numFailedTests: 0,
  numPendingTests: 0,
  numTodoTests: 0,
  ...over,
});
const all = (over: Record<string, Report | null> = {}) =>
  SUITES.map(({ name }) => outcomeOf(name, name in over ? (over[name] ?? null) : report()));

describe('what failed', () => {
  it('is named with the first line of why', () => {
    const assertion = (status: string, failureMessages: string[] = []) => ({
      fullName: `it ${status}`,
      status,
      failureMessages,
    });
    const testResults = [
      {
        name: '/a/test/e2e/x.test.ts',
        assertionResults: [assertion('passed'), assertion('failed', ['no\n at'])],
      },
      { name: '/a/test/e2e/y.test.ts', message: 'cannot be loaded', assertionResults: [] },
      { name: '/a/test/e2e/z.test.ts', message: '', assertionResults: [assertion('passed')] },
    ];
    expect(failuresOf(report({ testResults }))).toEqual([
      'e2e/x.test.ts: it failed: no',
      'e2e/y.test.ts: cannot be loaded',
    ]);
  });
});

describe('a run of all suites', () => {
  it('passes when every suite ran whole', () => {
    expect(verdictOf(all())).toEqual({
      ok: true,
      line: `${3 * SUITES.length} passed, 0 failed, 0 skipped`,
    });
  });

  it.each([
    ['a test failed', report({ success: false, numFailedTests: 1 }), '1 failed, 0 skipped'],
    ['a file could not be loaded', report({ success: false }), '1 failed, 0 skipped'],
    ['a test was skipped', report({ numPendingTests: 2 }), '0 failed, 2 skipped'],
    ['a test is still to be written', report({ numTodoTests: 1 }), '0 failed, 1 skipped'],
    ['no test ran', report({ numPassedTests: 0 }), '0 failed, 1 skipped'],
    ['the run died', null, '1 failed, 0 skipped'],
  ])('fails when %s', (_when, docker, line) => {
    const verdict = verdictOf(all({ docker }));
    expect(verdict.ok).toBe(false);
    expect(verdict.line).toContain(line);
  });

  it.each(SUITES.map(({ name }) => name))('fails without the suite %s', (left) => {
    const verdict = verdictOf(all().filter(({ suite }) => suite !== left));
    expect(verdict).toMatchObject({ ok: false, line: expect.stringContaining('1 skipped') });
  });
});
