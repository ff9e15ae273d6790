import { readFile } from 'node:fs/promises';

/** Linux counts processor time in hundredths of a second, whatever the kernel's own tick (USER_HZ, proc(5)). */
const TICK_MS = 10;
const KILOBYTE = 1024;

export interface Memory {
  /** Bytes of the process in memory, files it has mapped included. */
  readonly rss: number;
  /** Of these, bytes that belong to no file. */
  readonly anonymous: number;
}

/** Processor time of a process alone so far, in milliseconds. Linux only. */
export async function ownCpuMs(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  // The name may hold spaces and brackets; fields are counted from behind it.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}

/** Processor time of a process and of its children so far, in milliseconds. Linux only. */
export async function cpuMs(pid: number): Promise<number> {
  const [own, children] = await Promise.all([
    ownCpuMs(pid),
    readFile(`/proc/${pid}/task/${pid}/children`, 'utf8'),
  ]);
  const below = await Promise.all(
    children
      .split(' ')
      .filter(Boolean)
      .map((child) => cpuMs(Number(child))),
  );
  return below.reduce((sum, ms) => sum + ms, own);
}

/** What a process holds in memory now. Linux only. */
export async function memoryOf(pid: number): Promise<Memory> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  const bytes = (name: string): number =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? Number.NaN) * KILOBYTE;
  return { rss: bytes('VmRSS'), anonymous: bytes('RssAnon') };
}

/** Looks at a process every `everyMs` until stopped. @returns the largest of each figure. */
export function watchMemory(pid: number, everyMs: number): { stop(): Promise<Memory> } {
  let largest: Memory = { rss: 0, anonymous: 0 };
  let looking: Promise<void> = Promise.resolve();
  const look = async (): Promise<void> => {
    const { rss, anonymous } = await memoryOf(pid);
    largest = { rss: Math.max(largest.rss, rss), anonymous: Math.max(largest.anonymous, anonymous) };
  };
  const timer = setInterval(() => {
    looking = looking.then(look);
    // A process that ended is told by whoever awaits it; `stop` throws it too.
    looking.catch(() => clearInterval(timer));
  }, everyMs);
  return {
    stop: async () => {
      clearInterval(timer);
      await looking;
      return largest;
    },
  };
}
