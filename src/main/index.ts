import { app, dialog } from 'electron';
import { linkAmong, LINK_SCHEME } from './app-origin.ts';
import { registerAppScheme } from './app-protocol.ts';
import { startDesktop, type Desktop } from './desktop.ts';
import { sentenceOf } from './supervisor.ts';

/** The desktop's process: one for each account, the second start only shows the first one's window. */
function run(): void {
  let desktop: Desktop | null = null;
  let link = linkAmong(process.argv);
  const open = (wanted: string | null): void => {
    if (desktop === null) link = wanted ?? link;
    else desktop.show(wanted);
  };
  app.on('second-instance', (_event, argv) => open(linkAmong(argv)));
  app.on('open-url', (event, url) => {
    event.preventDefault();
    open(url);
  });
  // A checkout must not take the links away from an installed app.
  if (app.isPackaged) app.setAsDefaultProtocolClient(LINK_SCHEME);
  app
    .whenReady()
    .then(async () => {
      desktop = await startDesktop();
      desktop.show(link);
    })
    .catch((error: unknown) => {
      dialog.showErrorBox('ModelOps Node does not start', sentenceOf(error));
      app.exit(1);
    });
}

registerAppScheme();
app.enableSandbox();
if (app.requestSingleInstanceLock()) run();
else app.quit();
