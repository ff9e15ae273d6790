import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { LoadAnswer, LoadResult, LoadTask } from '../programs/load-types.ts';
import type { Scope } from './scope.ts';

/** The load generator's process; one task at a time. */
export class LoadGenerator {
  readonly #child: ChildProcess;

  constructor(scope: Scope) {
    this.#child = scope.program('load');
  }

  /** @throws when an answer was not as expected, or the generator ended. */
  async run(task: LoadTask): Promise<LoadResult> {
    const ended = new AbortController();
    const onExit = (): void => ended.abort();
    this.#child.once('exit', onExit);
    try {
      const message = once(this.#child, 'message', { signal: ended.signal });
      this.#child.send(task);
      const [answer] = (await message) as [LoadAnswer];
      if ('failure' in answer) throw new Error(`${task.target.host}:${task.target.port}: ${answer.failure}`);
      return answer.result;
    } finally {
      this.#child.off('exit', onExit);
    }
  }
}
