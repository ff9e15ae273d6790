import { readdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { LineCounter, parseDocument } from 'yaml';
import { AppError } from '../../../shared/contract/index.ts';
import type { Logger } from '../../kernel/logger.ts';
import { resourcePath } from '../../kernel/resources.ts';
import { RuntimeSpecSchema, unknownPlaceholders, type RuntimeSpec } from './spec.ts';

export interface SpecProblem {
  readonly file: string;
  readonly message: string;
  readonly line: number | null;
  readonly column: number | null;
}

export interface RegisteredSpec {
  readonly spec: RuntimeSpec;
  readonly origin: 'shipped' | 'user';
}

/** Reads one spec. @returns the spec, or every problem with its place in the text. Pure. */
export function parseSpec(text: string, file: string): { spec: RuntimeSpec } | { problems: SpecProblem[] } {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  const at = (offset: number | undefined): Pick<SpecProblem, 'line' | 'column'> => {
    if (offset === undefined) return { line: null, column: null };
    const { line, col } = lines.linePos(offset);
    return { line, column: col };
  };
  if (document.errors.length > 0) {
    return {
      problems: document.errors.map((error) => ({
        file,
        message: error.message.split('\n')[0] ?? error.message,
        ...at(error.pos[0]),
      })),
    };
  }
  const parsed = RuntimeSpecSchema.safeParse(document.toJS());
  if (!parsed.success) {
    return {
      problems: parsed.error.issues.map((issue) => {
        // The nearest node that exists tells where to look for one that does not.
        let path = issue.path.filter((part) => typeof part !== 'symbol');
        let node: unknown = document.getIn(path, true);
        while (node === undefined && path.length > 0) {
          path = path.slice(0, -1);
          node = document.getIn(path, true);
        }
        const range = (node as { range?: [number, number, number] } | undefined)?.range;
        return {
          file,
          message: `${issue.path.join('.') || 'the file'}: ${issue.message}`,
          ...at(range?.[0]),
        };
      }),
    };
  }
  const unknown = unknownPlaceholders(parsed.data);
  if (unknown.length === 0) return { spec: parsed.data };
  return {
    problems: unknown.map((name) => ({
      file,
      message: `args: nobody knows {${name}}`,
      ...at(Math.max(0, text.indexOf(`{${name}}`))),
    })),
  };
}

/** The specs that ship with the agent and those in the data directory, which win and appear without a restart. */
export class SpecRegistry {
  readonly #userDirectory: string;
  readonly #log: Logger;
  readonly #listeners = new Set<() => void>();
  #specs = new Map<string, RegisteredSpec>();
  #problems: SpecProblem[] = [];
  #watcher: { close(): Promise<void> } | null = null;

  constructor(userDirectory: string, log: Logger) {
    this.#userDirectory = userDirectory;
    this.#log = log;
  }

  get problems(): readonly SpecProblem[] {
    return this.#problems;
  }

  all(): RegisteredSpec[] {
    return [...this.#specs.values()];
  }

  find(id: string): RuntimeSpec | undefined {
    return this.#specs.get(id)?.spec;
  }

  /** @throws {AppError} `invalid_argument` with the specs there are. */
  get(id: string): RuntimeSpec {
    const spec = this.find(id);
    if (spec !== undefined) return spec;
    throw new AppError('invalid_argument', `There is no runtime ${id}.`, {
      details: { fields: ['runtime_spec'], allowed: [...this.#specs.keys()] },
    });
  }

  listen(listener: () => void): void {
    this.#listeners.add(listener);
  }

  async load(): Promise<void> {
    const specs = new Map<string, RegisteredSpec>();
    const problems: SpecProblem[] = [];
    for (const [directory, origin] of [
      [resourcePath('runtimes'), 'shipped'],
      [this.#userDirectory, 'user'],
    ] as const) {
      for (const file of await yamlFiles(directory)) {
        const result = parseSpec(await readFile(file, 'utf8'), basename(file));
        if ('spec' in result) specs.set(result.spec.id, { spec: result.spec, origin });
        else problems.push(...result.problems);
      }
    }
    this.#specs = specs;
    this.#problems = problems;
    for (const problem of problems) this.#log.warn({ ...problem }, 'a runtime spec is not usable');
    for (const listener of this.#listeners) listener();
  }

  /** Reads the user's directory again whenever a file in it changes. */
  async watch(): Promise<void> {
    const { watch } = await import('chokidar');
    const watcher = watch(this.#userDirectory, {
      ignoreInitial: true,
      depth: 0,
      awaitWriteFinish: { stabilityThreshold: 100, pollInterval: 20 },
    });
    watcher.on('all', () => {
      this.load().catch((error: unknown) =>
        this.#log.error({ err: error }, 'runtime specs could not be read again'),
      );
    });
    watcher.on('error', (error) =>
      this.#log.warn({ err: error }, 'the runtime specs are not watched any more'),
    );
    this.#watcher = watcher;
  }

  async close(): Promise<void> {
    await this.#watcher?.close();
  }
}

async function yamlFiles(directory: string): Promise<string[]> {
  const names = await readdir(directory);
  return names
    .filter((name) => /\.ya?ml$/.test(name) && !name.startsWith('.'))
    .toSorted()
    .map((name) => join(directory, name));
}
