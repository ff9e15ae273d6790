import { StreamKeeper, type Page } from './keeper.ts';
import type { PageMessage } from './protocol.ts';

/** Entry of the SharedWorker that holds the event stream for all tabs. */
const keeper = new StreamKeeper();

globalThis.addEventListener('connect', (event) => {
  const [port] = (event as MessageEvent).ports;
  if (port === undefined) return;
  const page: Page = { send: (message) => port.postMessage(message) };
  keeper.connect(page);
  port.addEventListener('message', ({ data }: MessageEvent<PageMessage>) => keeper.receive(page, data));
  // Where browsers tell that a tab has gone, listen; else it says so itself when it hides for good.
  port.addEventListener('close', () => keeper.receive(page, { type: 'detach' }));
  port.start();
});
