import { readdir, readFile } from 'node:fs/promises';

/** Ids of the direct and indirect children of a process whose command line matches. Linux only. */
export async function childrenOf(pid: number, pattern: RegExp): Promise<number[]> {
  const rows = await Promise.all(
    (await readdir('/proc')).flatMap((name) => (/^\d+$/.test(name) ? [describe(Number(name))] : [])),
  );
  const processes = rows.filter((row) => row !== null);
  const below = new Set([pid]);
  // Parents may be listed after their children, so until nothing is added.
  for (let before = 0; before !== below.size;) {
    before = below.size;
    for (const row of processes) if (below.has(row.parent)) below.add(row.pid);
  }
  return processes
    .filter((row) => row.pid !== pid && below.has(row.pid) && pattern.test(row.command))
    .map((row) => row.pid);
}

async function describe(pid: number): Promise<{ pid: number; parent: number; command: string } | null> {
  try {
    const [stat, command] = await Promise.all([
      readFile(`/proc/${pid}/stat`, 'utf8'),
      readFile(`/proc/${pid}/cmdline`, 'utf8'),
    ]);
    const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
    return { pid, parent, command: command.replaceAll('\0', ' ') };
  } catch {
    // It ended between the listing and the look.
    return null;
  }
}

export async function isAlive(pid: number): Promise<boolean> {
  return readFile(`/proc/${pid}/stat`, 'utf8').then(
    (stat) => stat.slice(stat.lastIndexOf(')') + 2)[0] !== 'Z',
    () => false,
  );
}
