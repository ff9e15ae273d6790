import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';

const execute = promisify(execFile);

/**
 * A network namespace with loopback and one way out that leads nowhere: a pair of interfaces with default routes for
 * IPv4 and IPv6, whose other end nobody listens on. The kernel itself says nothing on it (no ARP, no multicast, no
 * router solicitation), so every packet that is counted was sent by a program. Needs root and iproute2.
 */
export interface SealedNetwork extends AsyncDisposable {
  /** What to put before a command so that it runs in it. */
  readonly inside: readonly string[];
  /** Runs a program in it to its end, with its output. Does not judge the exit code. */
  run(
    command: string,
    args: readonly string[],
    env: Readonly<Record<string, string>>,
  ): Promise<{ code: number | null; stdout: string; stderr: string }>;
  /** Packets that left for anywhere but this machine, as both ends counted them. */
  packetsSent(): Promise<number>;
}

let made = 0;

export async function sealedNetwork(): Promise<SealedNetwork> {
  made += 1;
  const inside = `mo-in-${process.pid}-${made}`;
  const outside = `mo-out-${process.pid}-${made}`;
  const ip = async (...args: string[]): Promise<string> => (await execute('ip', args)).stdout;
  await ip('netns', 'add', inside);
  await ip('netns', 'add', outside);
  await ip('-n', inside, 'link', 'add', 'mo0', 'type', 'veth', 'peer', 'name', 'mo1', 'netns', outside);
  for (const setting of ['accept_ra=0', 'router_solicitations=0', 'addr_gen_mode=1'])
    await ip('netns', 'exec', inside, 'sysctl', '-q', '-w', `net.ipv6.conf.mo0.${setting}`);
  await ip('-n', inside, 'link', 'set', 'lo', 'up');
  await ip('-n', inside, 'link', 'set', 'mo0', 'arp', 'off', 'multicast', 'off');
  await ip('-n', outside, 'link', 'set', 'mo1', 'up');
  await ip('-n', inside, 'link', 'set', 'mo0', 'up');
  // Addresses of documentation (RFC 5737, RFC 3849): nothing anywhere answers on them.
  await ip('-n', inside, 'addr', 'add', '198.51.100.2/24', 'dev', 'mo0');
  await ip('-n', inside, 'route', 'add', 'default', 'via', '198.51.100.1');
  await ip('-n', inside, '-6', 'addr', 'add', '2001:db8::2/64', 'dev', 'mo0', 'nodad');
  await ip('-n', inside, '-6', 'route', 'add', 'default', 'via', '2001:db8::1');

  const counter = async (network: string, link: string, way: 'rx' | 'tx'): Promise<number> => {
    const [found] = JSON.parse(await ip('-n', network, '-j', '-s', 'link', 'show', link)) as {
      stats64: Record<'rx' | 'tx', { packets: number }>;
    }[];
    if (found === undefined) throw new Error(`there is no interface ${link}`);
    return found.stats64[way].packets;
  };
  return {
    // Not `ip netns exec`: that mounts /sys anew, and a Docker engine finds no control groups in it.
    inside: ['nsenter', `--net=/run/netns/${inside}`],
    run: async (command, args, env) => {
      const child = spawn('ip', ['netns', 'exec', inside, command, ...args], {
        env,
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      let [stdout, stderr] = ['', ''];
      child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
      child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
      const [code] = (await once(child, 'close')) as [number | null];
      return { code, stdout, stderr };
    },
    packetsSent: async () => {
      const [sent, arrived] = [await counter(inside, 'mo0', 'tx'), await counter(outside, 'mo1', 'rx')];
      if (sent !== arrived) throw new Error(`${sent} packets were sent and ${arrived} arrived`);
      return sent;
    },
    [Symbol.asyncDispose]: async () => {
      // Whatever a failed test left in it, and nothing else: the namespace is the test's own.
      const left = (await ip('netns', 'pids', inside)).split('\n').filter((pid) => pid !== '');
      for (const pid of left) process.kill(Number(pid), 'SIGKILL');
      await ip('netns', 'del', inside);
      await ip('netns', 'del', outside);
    },
  };
}

/** What a program tried to reach, as strace saw it. */
export interface Trace {
  /** Every address of IPv4 and IPv6 that was named in a connect or a send. */
  readonly destinations: readonly { readonly address: string; readonly port: number }[];
  /** Unix sockets that were connected to. */
  readonly sockets: readonly string[];
  /** Command lines of every program that was started. */
  readonly programs: readonly string[];
}

/** What to put before a command so that `readTrace` can read what it did. */
export function tracer(file: string): readonly string[] {
  // `sendmmsg` is how the C library asks for both kinds of address of a name at once.
  const calls = 'trace=connect,sendto,sendmsg,sendmmsg,execve';
  return ['strace', '-f', '--seccomp-bpf', '-qq', '-s', '512', '-e', 'signal=none', '-e', calls, '-o', file];
}

const V4 = /sa_family=AF_INET, sin_port=htons\((\d+)\), sin_addr=inet_addr\("([\d.]+)"\)/g;
const V6 = /sa_family=AF_INET6, sin6_port=htons\((\d+)\).*?inet_pton\(AF_INET6, "([^"]+)"/g;

/** @throws when a line names an address in a way that is not understood: what is not read must not pass. */
export async function readTrace(file: string): Promise<Trace> {
  const text = await readFile(file, 'utf8');
  const destinations = text.split('\n').flatMap((line) => {
    const found = [...line.matchAll(V4), ...line.matchAll(V6)];
    const named = line.split(/sa_family=AF_INET6?\b/).length - 1;
    if (found.length !== named) throw new Error(`an address that cannot be read: ${line}`);
    return found.map(([, port, address]) => ({ address: address ?? '', port: Number(port) }));
  });
  return {
    destinations,
    sockets: socketsOf(text.split('\n')),
    programs: [...text.matchAll(/execve\("[^"]*", \[(.*?)\]/g)].map(([, args]) => args ?? ''),
  };
}

/** Unix sockets that somebody answered on; a service that is not there carries nothing anywhere. */
function socketsOf(lines: readonly string[]): string[] {
  return lines.flatMap((line, i) => {
    const [, process, path] =
      /^(\d+) +connect\(\d+, \{sa_family=AF_UNIX, sun_path=@?"([^"]*)"/.exec(line) ?? [];
    if (process === undefined || path === undefined) return [];
    // A call that others came between ends on a line of its own.
    const end = line.includes('<unfinished')
      ? lines.slice(i).find((later) => later.startsWith(`${process} `) && later.includes('connect resumed'))
      : line;
    return /= -1 (ENOENT|ECONNREFUSED)/.test(end ?? '') ? [] : [path];
  });
}

/** Destinations beyond this machine, and questions for names wherever they were sent. */
export function leaks({ destinations, sockets }: Trace): string[] {
  const isLoopback = (address: string): boolean =>
    address.startsWith('127.') || address === '::1' || address.startsWith('::ffff:127.');
  return [
    ...destinations
      .filter(({ address, port }) => !isLoopback(address) || port === 53)
      .map(({ address, port }) => `${address} port ${port}`),
    // A resolver of the system behind a Unix socket would ask on behalf of us.
    ...sockets.filter((path) => /resolve|nscd|avahi|mdns/.test(path)),
  ];
}
