/** The suites of tests and what a run of them comes to. Pure; `tools/test-all.ts` runs them. */

export interface Suite {
  readonly name: string;
  /** The vitest project. */
  readonly project: string;
  /** As whom: root, or an ordinary user who may use Docker. */
  readonly as: 'root' | 'user';
}

/** Everything that has to run where Docker and a browser can be had. None of them is optional. */
export const SUITES: readonly Suite[] = [
  { name: 'unit', project: 'unit', as: 'root' },
  { name: 'web', project: 'web', as: 'root' },
  { name: 'architecture', project: 'architecture', as: 'root' },
  { name: 'integration', project: 'integration', as: 'root' },
  { name: 'docker', project: 'docker', as: 'root' },
  { name: 'docker as an ordinary user', project: 'docker', as: 'user' },
  { name: 'system', project: 'system', as: 'root' },
  { name: 'e2e', project: 'e2e', as: 'root' },
  { name: 'desktop', project: 'desktop', as: 'root' },
];

/** What vitest's JSON report says of a run, as far as it matters here. */
export interface Report {
  readonly success: boolean;
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly numTodoTests: number;
  readonly testResults?: readonly {
    readonly name: string;
    readonly message?: string;
    readonly assertionResults: readonly {
      readonly fullName: string;
      readonly status: string;
      readonly failureMessages?: readonly string[] | null;
    }[];
  }[];
}

export interface Outcome {
  readonly suite: string;
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  /** Why the suite does not count as passed; null when it does. */
  readonly problem: string | null;
  /** What failed, a line each. */
  readonly failures: readonly string[];
}

const MESSAGE_CHARACTERS = 300;

/** The tests that failed and the files that could not be loaded, each with the first line of why. Pure. */
export function failuresOf(report: Report): string[] {
  const why = (text: string | undefined): string =>
    (text ?? '').split('\n', 1).join('').slice(0, MESSAGE_CHARACTERS);
  return (report.testResults ?? []).flatMap(({ name, message, assertionResults }) => {
    const file = name.split('/').slice(-2).join('/');
    const failed = assertionResults.filter(({ status }) => status === 'failed');
    if (failed.length === 0 && message !== undefined && message !== '') return [`${file}: ${why(message)}`];
    return failed.map(
      ({ fullName, failureMessages }) => `${file}: ${fullName}: ${why(failureMessages?.[0])}`,
    );
  });
}

/**
 * What came of one suite. A suite passes only when it ran, something in it passed, and nothing failed or was skipped.
 * @param report null when there is none, because the run died or could not begin
 */
export function outcomeOf(suite: string, report: Report | null): Outcome {
  if (report === null)
    return {
      suite,
      passed: 0,
      failed: 1,
      skipped: 0,
      problem: 'it left no report: it could not run to its end',
      failures: [],
    };
  const passed = report.numPassedTests;
  const skipped = report.numPendingTests + report.numTodoTests;
  // A file that cannot be loaded fails without a test of its own.
  const failed = Math.max(report.numFailedTests, report.success ? 0 : 1);
  const counts = { suite, passed, failed, skipped, failures: failuresOf(report) };
  if (failed > 0) return { ...counts, problem: `${failed} failed` };
  if (skipped > 0) return { ...counts, problem: `${skipped} skipped; here everything has to run` };
  if (passed === 0) return { ...counts, skipped: 1, problem: 'no test ran' };
  return { ...counts, problem: null };
}

/** The outcome of a whole run: whether it passed, and the last line to print. A wanted suite that is missing was skipped. */
export function verdictOf(
  outcomes: readonly Outcome[],
  wanted: readonly Suite[] = SUITES,
): { readonly ok: boolean; readonly line: string } {
  const sum = (of: 'passed' | 'failed' | 'skipped'): number =>
    outcomes.reduce((total, outcome) => total + outcome[of], 0);
  const missing = wanted.filter(({ name }) => !outcomes.some(({ suite }) => suite === name)).length;
  const ok = missing === 0 && outcomes.every(({ problem }) => problem === null);
  return {
    ok,
    line: `${sum('passed')} passed, ${sum('failed')} failed, ${sum('skipped') + missing} skipped`,
  };
}
