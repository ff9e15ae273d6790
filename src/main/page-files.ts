import { readFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { PAGE_HEADERS } from '../shared/page-policy.ts';

/** The built UI as answers to the page's requests. */

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.map': 'application/json; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
  '.wasm': 'application/wasm',
  '.txt': 'text/plain; charset=utf-8',
};

const PAGE = 'index.html';
const NOT_BUILT = `<!doctype html><meta charset="utf-8"><title>ModelOps Node</title>
<p>The interface is not built in this checkout. Run <code>npm run build</code>, then open the window again.</p>`;

/**
 * The file below the UI's directory that a request path names; the page itself for one that names no file. Pure.
 * @returns null for a path that tries to leave the directory.
 */
export function fileOfPath(pathname: string): string | null {
  let decoded: string;
  try {
    decoded = decodeURIComponent(pathname);
  } catch {
    // A lone `%` names no file of ours.
    return null;
  }
  const parts = decoded.split('/').filter((part) => part !== '');
  if (/[\0\\]/.test(decoded) || parts.some((part) => part === '..' || part === '.')) return null;
  const isFile = parts.length > 0 && parts.every((part) => /^[\w][\w.-]*$/.test(part));
  return isFile ? parts.join('/') : PAGE;
}

/** Answers with a file, and with the page itself for every path that is not one: the page reads the path. */
export async function servePageFile(directory: string, method: string, pathname: string): Promise<Response> {
  if (method !== 'GET' && method !== 'HEAD') return refusal(405, 'The page has files only.');
  const name = fileOfPath(pathname);
  if (name === null) return refusal(400, 'This path is not one of the page.');
  const content = await read(join(directory, name));
  if (content !== null) return answer(name, content);
  // A missing script must not turn into a page that the browser refuses to run.
  if (name.startsWith('assets/')) return refusal(404, 'The page has no such file.');
  const page = await read(join(directory, PAGE));
  return answer(PAGE, page ?? Buffer.from(NOT_BUILT));
}

async function read(path: string): Promise<Buffer<ArrayBuffer> | null> {
  try {
    return await readFile(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'EISDIR') return null;
    throw error;
  }
}

function answer(name: string, content: Buffer<ArrayBuffer>): Response {
  // The names of assets carry their hash; the page itself does not.
  const caching = name.startsWith('assets/') ? 'public, max-age=31536000, immutable' : 'no-cache';
  const type = TYPES[extname(name).toLowerCase()] ?? 'application/octet-stream';
  return new Response(content, {
    headers: { ...PAGE_HEADERS, 'content-type': type, 'cache-control': caching },
  });
}

function refusal(status: number, text: string): Response {
  return new Response(text, {
    status,
    headers: { ...PAGE_HEADERS, 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store' },
  });
}
