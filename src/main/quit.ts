import { dialog, powerMonitor, type App, type BrowserWindow } from 'electron';
import type { AgentFacts } from './agent-watch.ts';
import { sentenceOf, type Supervisor } from './supervisor.ts';
import { quitQuestion } from './verdict.ts';

export interface QuitDeps {
  readonly app: App;
  readonly supervisor: Supervisor;
  readonly window: () => BrowserWindow | null;
  readonly facts: () => AgentFacts | null;
}

const CANCEL = 0;
const STOP = 2;

/**
 * Asks before the app ends while an agent runs: the models can go on serving without it. A session that ends and a
 * signal are not asked back, and then everything goes on.
 */
export function askBeforeQuit(deps: QuitDeps): void {
  const { app } = deps;
  let isDecided = false;
  let isAsking = false;
  const leave = (): void => {
    isDecided = true;
    app.quit();
  };
  app.on('before-quit', (event) => {
    if (isDecided || deps.supervisor.connection === null) return;
    event.preventDefault();
    if (isAsking) return;
    isAsking = true;
    decide(deps)
      .then((mayLeave) => mayLeave && leave())
      .catch((error: unknown) => {
        dialog.showErrorBox('The agent was not stopped', sentenceOf(error));
      })
      .finally(() => {
        isAsking = false;
      });
  });
  powerMonitor.on('shutdown', leave);
  process.once('SIGTERM', leave);
  process.once('SIGINT', leave);
}

/** Whether the app may end; stops the agent first where that was chosen. */
async function decide({ supervisor, window, facts }: QuitDeps): Promise<boolean> {
  const { message, detail, keep, stop } = quitQuestion(facts());
  const options = {
    type: 'question' as const,
    message,
    detail,
    buttons: ['Cancel', keep, stop],
    defaultId: CANCEL,
    cancelId: CANCEL,
    noLink: true,
  };
  const parent = window();
  const { response } = await (parent === null
    ? dialog.showMessageBox(options)
    : dialog.showMessageBox(parent, options));
  if (response === CANCEL) return false;
  if (response === STOP) await supervisor.stopAgent('stop');
  return true;
}
