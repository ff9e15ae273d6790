import { TaskKeySchema, type TaskKey } from '../../shared/contract/index.ts';
import type { TestKind } from './test-kind.ts';
import { TEST_KINDS } from './test-kinds.ts';

export type { TestKind };

/** The kind of test for a task; null for one that has none. */
export function testKindOf(task: TaskKey): TestKind | null {
  return TEST_KINDS.find((kind) => kind.task === task) ?? null;
}

/** The tasks that can be tested, in the order of the taxonomy. */
export function testableTasks(): TaskKey[] {
  return TaskKeySchema.options.filter((task) => testKindOf(task) !== null);
}

/** Why inputs do not suit a kind of test, or null. Pure. */
export function inputProblem(kind: TestKind, inputs: Readonly<Record<string, unknown>>): string | null {
  const given = Object.keys(inputs).toSorted().join(' and ');
  const wanted = kind.inputs.toSorted().join(' and ');
  return given === wanted
    ? null
    : `A test of ${kind.task} takes inputs.${wanted}, not ${given || 'nothing'}.`;
}
