import { z } from 'zod';
import { AppError, ENDPOINTS, type Endpoints } from '../../shared/contract/index.ts';
import { streamEvents } from '../../server/event-stream.ts';
import { openApiDocument } from '../../server/openapi.ts';
import type { Caller } from '../../server/context.ts';
import type { Router } from '../../server/router.ts';
import type { Credentials, Visibility } from '../access/index.ts';
import type { ModelStore } from '../catalog/index.ts';
import { toIso } from '../kernel/clock.ts';
import { decodeCursor, encodeCursor, pageOf } from '../kernel/cursor.ts';
import type { EventHub } from '../kernel/event-hub.ts';
import type { Journal, JournalRecord } from '../kernel/journal.ts';
import { runDoctor, type DoctorDeps } from './doctor.ts';
import { eventSourceFor, mayRead, parseTopics } from './events.ts';
import { Metrics, type MetricsDeps } from './metrics.ts';
import { profileRoutes, type ProfileRouteDeps } from './profile-routes.ts';
import { systemInfo, type SystemDeps } from './system-info.ts';
import { VERSION } from './version.ts';

export interface SystemRouteDeps extends SystemDeps, DoctorDeps, ProfileRouteDeps, MetricsDeps {
  readonly journal: Journal;
  readonly hub: EventHub;
  readonly models: ModelStore;
  readonly visibility: Visibility;
  readonly credentials: Credentials;
  /** Aborted when the key of a caller ends, or its rights change. */
  readonly whileValid: (caller: Caller) => AbortSignal;
  /** Aborted when the agent stops; ends the event streams. */
  readonly stopping: AbortSignal;
  readonly requestStop: (
    slots: 'keep' | 'stop',
    actor: { principalId: string; role: 'user' | 'reviewer' | 'admin' | 'superadmin' },
  ) => void;
  /** The signer changes when secrets are unlocked after the start. */
  readonly onUnlocked: () => void;
}

const SeqCursor = z.tuple([z.int()]);
const VISIBLE_SCAN = 2000;
const SCAN_BATCH = 200;

export function systemRoutes(router: Router<Endpoints>, deps: SystemRouteDeps): void {
  nodeRoutes(router, deps);
  profileRoutes(router, deps);
  storageRoutes(router, deps);
  journalRoutes(router, deps);
}

function nodeRoutes(router: Router<Endpoints>, deps: SystemRouteDeps): void {
  const { slots, clock } = deps;
  const metrics = new Metrics(deps);

  router.implement('getHealth', () => ({ status: 'ok' as const }));
  router.implement('getSystem', async (_request, { signal }) => ({ system: await systemInfo(deps, signal) }));
  router.implement('stopSystem', ({ body }, { caller }) => {
    deps.requestStop(body.slots, caller);
    return { stopping: true as const, still_running: body.slots === 'stop' ? [] : slots.stillRunning() };
  });
  router.implement('getDoctor', async (_request, { signal }) => ({
    checks: await runDoctor(deps, signal),
    observed_at: toIso(clock.now()),
  }));
  router.implementRaw('getMetrics', async (_request, { reply, requestId }) => {
    const { text, contentType } = await metrics.render();
    await reply.header('content-type', contentType).header('x-request-id', requestId).send(text);
  });
  let document: Record<string, unknown> | null = null;
  router.implement('getOpenApi', () => {
    document ??= openApiDocument(ENDPOINTS, { title: 'ModelOps Node', version: VERSION });
    return document;
  });
  router.implementRaw('streamEvents', async ({ query }, { caller, request, reply, signal }) => {
    const topics = parseTopics(query.topics);
    const header = request.headers['last-event-id'];
    const lastEventId = header === undefined ? null : Number(header);
    if (lastEventId !== null && !Number.isSafeInteger(lastEventId)) {
      throw new AppError('invalid_argument', 'Last-Event-ID is not a number of this stream.', {
        details: { fields: ['last-event-id'] },
      });
    }
    reply.hijack();
    await streamEvents(reply.raw, eventSourceFor(caller, topics, deps), {
      lastEventId,
      version: VERSION,
      signal: AbortSignal.any([signal, deps.stopping, deps.whileValid(caller)]),
    });
  });
}

function storageRoutes(router: Router<Endpoints>, deps: SystemRouteDeps): void {
  const { maintenance, secrets, journal, database } = deps;

  router.implement('listBackups', async () => ({ backups: await maintenance.list() }));
  router.implement('createBackup', async ({ body }, { caller }) => {
    const backup = await maintenance.backup(body.path);
    await database.transact((unit) => {
      journal.append(unit, {
        actorId: caller.principalId,
        action: 'backup.created',
        subject: 'backup:database',
        data: { size_bytes: backup.size_bytes },
      });
    });
    return { backup };
  });
  router.implement('unlockSecrets', ({ body }) => {
    secrets.unlock(Buffer.from(body.key, 'base64'));
    deps.onUnlocked();
    return { state: secrets.state };
  });
  router.implement('rewrapSecrets', async ({ body }, { caller }) => {
    await secrets.rewrap(body.to, body.to === 'keychain' ? Buffer.from(body.key, 'base64') : null);
    await database.transact((unit) => {
      journal.append(unit, {
        actorId: caller.principalId,
        action: 'secrets.rewrapped',
        subject: 'secrets:node',
        data: { wrapped_by: body.to },
      });
    });
    return { wrapped_by: secrets.wrappedBy };
  });
}

function journalRoutes(router: Router<Endpoints>, deps: SystemRouteDeps): void {
  const { journal, identity } = deps;
  router.implement('listAudit', ({ query }, { caller }) => {
    const found: JournalRecord[] = [];
    let before = decodeCursor(query.cursor, SeqCursor)?.[0] ?? Number.MAX_SAFE_INTEGER;
    let more = true;
    // Rows a caller may not see leave gaps; a bounded look further fills the page.
    for (let scanned = 0; more && found.length <= query.limit && scanned < VISIBLE_SCAN;) {
      const batch = journal.before(before, SCAN_BATCH, query);
      scanned += batch.length;
      before = batch.at(-1)?.seq ?? before;
      more = batch.length === SCAN_BATCH;
      found.push(...batch.filter((row) => mayRead(caller, row, deps)));
    }
    const { rows, next } = pageOf(found, query.limit);
    const from = next?.seq ?? (more ? before : null);
    return {
      audit: rows.map((row) => ({
        seq: row.seq,
        at: toIso(row.at),
        actor_id: row.actor_id,
        actor_name: row.actor_name,
        action: row.action,
        subject: row.subject,
        data: JSON.parse(row.data ?? '{}') as Record<string, never>,
        note: row.note,
        hash: row.hash,
      })),
      next_cursor: from === null ? null : encodeCursor([from]),
    };
  });
  router.implement('verifyAudit', (_request, { signal }) => journal.verify(identity.publicKey, signal));
}
