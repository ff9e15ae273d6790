import { readFile } from 'node:fs/promises';

/** Ids of containers are 64 hexadecimal digits in every layout: cgroup v1 and v2, with systemd and without, rootless. */
const CONTAINER = /(?:^|[/-])([0-9a-f]{64})(?:\.scope)?(?:$|\/)/m;

/** The container in the text of `/proc/<pid>/cgroup`; null outside of any. Pure. */
export function containerOf(cgroup: string): string | null {
  for (const line of cgroup.split('\n')) {
    // `<hierarchy>:<controllers>:<path>`; the path may hold colons.
    const path = line.split(':').slice(2).join(':');
    const found = CONTAINER.exec(path)?.[1];
    if (found !== undefined) return found;
  }
  return null;
}

/** The container that a process runs in; null outside of any, and where the system does not say. */
export async function containerOfProcess(pid: number): Promise<string | null> {
  if (process.platform !== 'linux') return null;
  return containerOf(await readFile(`/proc/${pid}/cgroup`, 'utf8').catch(() => ''));
}
