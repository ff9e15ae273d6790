import { existsSync } from 'node:fs';
import { join } from 'node:path';
import fastifyStatic from '@fastify/static';
import type { FastifyInstance } from 'fastify';
import { PAGE_HEADERS } from '../shared/page-policy.ts';

const NOT_BUILT = `<!doctype html><meta charset="utf-8"><title>ModelOps Node</title>
<p>The agent runs, but the interface is not built in this checkout.</p><p>Run <code>npm run build</code>, then reload.</p>`;

/** Serves the built UI. Every path that is not a file is the page itself, which reads the path. */
export async function serveUi(app: FastifyInstance, directory: string): Promise<void> {
  const built = existsSync(join(directory, 'index.html'));
  if (built) {
    await app.register(fastifyStatic, {
      root: directory,
      wildcard: false,
      index: false,
      setHeaders: (reply, path) => {
        for (const [name, value] of Object.entries(PAGE_HEADERS)) reply.header(name, value);
        // The names of assets carry their hash; the page itself does not.
        reply.header(
          'cache-control',
          path.includes('/assets/') ? 'public, max-age=31536000, immutable' : 'no-cache',
        );
      },
    });
  }
  app.get('/*', (request, reply) => {
    // A missing asset is not the page: a browser would read HTML as a script and say something puzzling.
    if (/^\/(v1|assets)(\/|$)/.test(request.url)) return reply.callNotFound();
    void reply.headers(PAGE_HEADERS).header('cache-control', 'no-cache').type('text/html; charset=utf-8');
    return built ? reply.sendFile('index.html') : reply.send(NOT_BUILT);
  });
}
