/** What is run in a container for a person, and by which words. Pure. */

/** The shell every image with a shell has. */
export const SHELL = ['sh'] as const;

/** Marks what was started in a terminal, so that all of it can be ended. */
export const TERMINAL_MARK = 'MODELOPS_TERMINAL';

/** The words of the docker client that open a terminal in a container. `host`: options that name the engine. */
export function terminalCommand(host: readonly string[], containerId: string): string[] {
  return ['docker', ...host, 'exec', '-it', containerId, ...SHELL];
}

/**
 * Ends everything that a terminal started: closing the connection of an exec leaves its programs running
 * (moby/moby#9098). Looks for the mark in the environment of each process, which children inherit.
 */
export function endCommand(terminalId: string): string[] {
  const mark = `${TERMINAL_MARK}=${terminalId}`;
  return [
    'sh',
    '-c',
    `for e in /proc/[0-9]*/environ; do p=\${e#/proc/}; p=\${p%/environ}; if tr '\\0' '\\n' <"$e" 2>/dev/null | grep -qxF "$1"; then kill -KILL "$p" 2>/dev/null; fi; done`,
    'end',
    mark,
  ];
}
