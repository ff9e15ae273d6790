import type { Endpoints } from '../../../shared/contract/index.ts';
import type { Caller } from '../../../server/context.ts';
import type { Router } from '../../../server/router.ts';
import type { Terminals } from './terminals.ts';

interface TerminalRoutesDeps {
  readonly terminals: Terminals;
  /** Aborts when the key of a caller is no longer good. */
  readonly whileValid: (caller: Caller) => AbortSignal;
}

export function terminalRoutes(
  router: Router<Endpoints>,
  { terminals, whileValid }: TerminalRoutesDeps,
): void {
  router.implement('openTerminal', async ({ params, body }, { caller, signal }) => ({
    slot_id: params.id,
    ...(await terminals.open(params.id, body, caller, signal)),
  }));
  router.implementRaw('readTerminal', async ({ params }, { caller, reply, requestId }) => {
    const terminal = terminals.get(params.id, caller);
    const output = terminal.read();
    whileValid(caller).addEventListener('abort', () => terminal.close(), { once: true });
    await reply
      .header('content-type', 'application/octet-stream')
      .header('cache-control', 'no-store')
      .header('x-request-id', requestId)
      .send(output);
  });
  router.implement('writeTerminal', ({ params, body }, { caller }) => {
    terminals.get(params.id, caller).write(body.data);
    return { written: true as const };
  });
  router.implement('resizeTerminal', async ({ params, body }, { caller }) => {
    await terminals.get(params.id, caller).resize(body.columns, body.rows);
    return { resized: true as const };
  });
  router.implement('closeTerminal', ({ params }, { caller }) => {
    terminals.get(params.id, caller).close();
    return { closed: true as const };
  });
}
