import { temporaryDirectory, type TemporaryDirectory } from '../../support/temporary.ts';
import { startTestAgent, type TestAgent, type TestAgentOptions } from '../../support/agent.ts';
import { buildRenderer, UI_DIRECTORY } from './build-renderer.ts';
import { launch, openContext, signedIn, type Scheme } from './browser.ts';
import type { Browser, BrowserContext, Page } from 'playwright-core';

/** An agent that serves the built UI, and a browser that looks at it. */
export interface Stage extends AsyncDisposable {
  readonly agent: TestAgent;
  readonly browser: Browser;
  readonly context: BrowserContext;
  /** What the pages complained about; a test that ends well leaves it empty. */
  readonly complaints: string[];
  readonly directory: string;
  /** A signed-in page of this stage's browser window. */
  page(): Promise<Page>;
}

export async function openStage(
  options: TestAgentOptions & {
    readonly scheme?: Scheme;
    /** Fills the data directory before the agent of the stage starts on it. */
    readonly prepare?: (dataDir: string) => Promise<void>;
  } = {},
): Promise<Stage> {
  const { scheme = 'dark', prepare, ...agentOptions } = options;
  await buildRenderer();
  const directory: TemporaryDirectory = await temporaryDirectory('mo-e2e-');
  await prepare?.(`${directory.path}/data`);
  const agent = await startTestAgent(`${directory.path}/data`, {
    uiDirectory: UI_DIRECTORY,
    ...agentOptions,
  });
  const browser = await launch();
  const { context, complaints } = await openContext(browser, scheme);
  return {
    agent,
    browser,
    context,
    complaints,
    directory: directory.path,
    page: () => signedIn(agent, context),
    [Symbol.asyncDispose]: async () => {
      await browser.close();
      await agent.stop();
      await directory[Symbol.asyncDispose]();
    },
  };
}
