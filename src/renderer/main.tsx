import './theme/styles.ts';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { App } from './app/App.tsx';
import { startReceipts } from './app/receipts.ts';
import { liveFeed } from './data/live.ts';
import { keyStore } from './data/api.ts';
import { sessionStore, startSession } from './data/session.ts';
import { sharedWorkerOrNull, StreamLink } from './data/stream/link.ts';

const OTHER_TABS_MS = 150;

const link = new StreamLink(sharedWorkerOrNull());
liveFeed.start(link);
startReceipts();
// Signing out in one tab signs the others out: they hold the same key.
sessionStore.subscribe((session, before) => {
  if (session.state === 'signed-out' && before.state === 'signed-in') lastToken.forget();
});

/** The key is gone from its store by the time the session ends, and the keeper still has to hear which one. */
const lastToken = {
  value: null as string | null,
  forget(): void {
    if (this.value !== null) liveFeed.signOut(this.value);
    this.value = null;
  },
};
keyStore.subscribe(({ token }) => {
  if (token !== null) lastToken.value = token;
});

void startSession({ askOtherTabs: () => link.askSession(OTHER_TABS_MS) });

const root = document.getElementById('root');
if (root === null) throw new Error('index.html has no #root');
createRoot(root).render(
  <StrictMode>
    <App />
  </StrictMode>,
);
