import { protocol, type Session } from 'electron';
import { isAgentPath, isAppUrl, APP_SCHEME } from './app-origin.ts';
import { proxyToAgent, type ProxyDeps } from './agent-proxy.ts';
import { servePageFile } from './page-files.ts';

/** Makes `app:` an origin like any other. Has to happen before the app is ready. */
export function registerAppScheme(): void {
  protocol.registerSchemesAsPrivileged([
    {
      scheme: APP_SCHEME,
      privileges: { standard: true, secure: true, supportFetchAPI: true, stream: true, codeCache: true },
    },
  ]);
}

/** Serves `app://modelops/`: the built UI, and the agent behind `/v1`. */
export function serveApp(session: Session, uiDirectory: string, deps: ProxyDeps): void {
  session.protocol.handle(APP_SCHEME, (request) => answerPage(request, uiDirectory, deps));
}

async function answerPage(request: Request, uiDirectory: string, deps: ProxyDeps): Promise<Response> {
  if (!isAppUrl(request.url)) return new Response('There is one app here.', { status: 404 });
  const { pathname } = new URL(request.url);
  if (isAgentPath(pathname)) return proxyToAgent(request, deps);
  return servePageFile(uiDirectory, request.method, pathname);
}
