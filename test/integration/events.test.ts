import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ENDPOINTS } from '../../src/shared/contract/index.ts';
import { readEvents, type StreamedEvent } from '../../src/cli/events.ts';
import { importModel, startTestAgent, type TestAgent } from '../support/agent.ts';
import { writeSpeakingModel } from '../support/models.ts';
import { temporaryDirectory, type TemporaryDirectory } from '../support/temporary.ts';

let directory: TemporaryDirectory;
let agent: TestAgent;
beforeAll(async () => {
  directory = await temporaryDirectory();
  agent = await startTestAgent(join(directory.path, 'data'));
});
afterAll(async () => {
  await agent.stop();
  await directory[Symbol.asyncDispose]();
});

/** Events until one satisfies; the stream is closed then. */
async function until(
  token: string,
  topics: string,
  last: (event: StreamedEvent) => boolean,
  options: { lastEventId?: number; opened?: () => void } = {},
): Promise<StreamedEvent[]> {
  const stop = new AbortController();
  const seen: StreamedEvent[] = [];
  for await (const event of readEvents({ url: agent.url, token }, topics, stop.signal, options.lastEventId)) {
    if (event.name === 'stream.open') options.opened?.();
    seen.push(event);
    if (last(event)) break;
  }
  stop.abort();
  return seen;
}
const data = (event: StreamedEvent) => event.data as Record<string, unknown>;
const switchProfile = (profile: 'online' | 'offline') =>
  agent.call(ENDPOINTS.putProfile, { body: { profile } });

describe('the stream of events', () => {
  it('starts with where it is and tells what happens, durable rows with their number', async () => {
    const opened = Promise.withResolvers<void>();
    const reading = until(agent.token, '', (event) => event.name === 'profile', { opened: opened.resolve });
    await opened.promise;
    await switchProfile('offline');
    const events = await reading;
    expect(events[0]).toMatchObject({
      id: null,
      name: 'stream.open',
      data: { head_seq: expect.any(Number), version: expect.any(String) },
    });
    const row = events.find((event) => data(event)['action'] === 'profile.changed');
    expect(row).toMatchObject({
      name: 'journal',
      data: { action: 'profile.changed', subject: 'profile:runtime', seq: row?.id },
    });
    expect(events.at(-1)).toMatchObject({ name: 'profile', id: null, data: { profile: 'offline' } });
    await switchProfile('online');
  });

  it('resumes after the last event a reader saw, without a gap and without a repeat', async () => {
    const { audit } = await agent.call(ENDPOINTS.listAudit, { query: { limit: 200 } });
    const all = audit.map((row) => row.seq).toReversed();
    const from = all[1] ?? 0;
    const events = await until(agent.token, 'journal', (event) => event.id === all.at(-1), {
      lastEventId: from,
    });
    expect(events.slice(1).map((event) => event.id)).toEqual(all.filter((seq) => seq > from));
  });

  it('says so when what the reader knows is from another database', async () => {
    const [, reset] = await until(agent.token, 'journal', (event) => event.name === 'stream.reset', {
      lastEventId: 999_999,
    });
    expect(reset).toMatchObject({ name: 'stream.reset', data: { head_seq: expect.any(Number) } });
  });

  it('carries jobs and slots as whole resources', async () => {
    const opened = Promise.withResolvers<void>();
    const reading = until(
      agent.token,
      'jobs',
      (event) => event.name === 'job' && (data(event)['job'] as { state: string }).state === 'succeeded',
      { opened: opened.resolve },
    );
    await opened.promise;
    await importModel(agent, await writeSpeakingModel(join(directory.path, 'm.gguf'), 'm'));
    const states = (await reading)
      .filter((event) => event.name === 'job')
      .map((event) => (data(event)['job'] as { state: string }).state);
    expect(states[0]).toBe('queued');
    expect(states.at(-1)).toBe('succeeded');
  });

  it('tells a slot that was made, and one that was only renamed', async () => {
    const named = (event: StreamedEvent, name: string): boolean =>
      event.name === 'slot' && (data(event)['slot'] as { display_name: string }).display_name === name;
    const opened = Promise.withResolvers<void>();
    const reading = until(agent.token, 'slots', (event) => named(event, 'Renamed'), {
      opened: opened.resolve,
    });
    await opened.promise;
    await agent.call(ENDPOINTS.createSlot, {
      body: {
        id: 'told',
        display_name: 'Made',
        capability: 'llm_inference',
        runtime_spec: 'embedded-llama',
      },
    });
    await agent.call(ENDPOINTS.patchSlot, { params: { id: 'told' }, body: { display_name: 'Renamed' } });
    expect((await reading).some((event) => named(event, 'Made'))).toBe(true);
  });

  it('shows a user what is his to see: no jobs, no slots, and of the journal only what he may', async () => {
    const { token } = await agent.call(ENDPOINTS.createKey, { body: { name: 'reader', role: 'user' } });
    const { audit } = await agent.call(ENDPOINTS.listAudit, { query: { limit: 1 } });
    const head = audit[0]?.seq ?? 0;
    const opened = Promise.withResolvers<void>();
    const reading = until(
      token,
      '',
      (event) => (event.id ?? 0) > head && data(event)['action'] === 'profile.changed',
      {
        opened: opened.resolve,
        lastEventId: 0,
      },
    );
    await opened.promise;
    await agent.call(ENDPOINTS.createSlot, {
      body: { capability: 'llm_inference', runtime_spec: 'embedded-llama' },
    });
    await switchProfile('offline');
    const events = await reading;
    expect(events.some((event) => event.name === 'slot' || event.name === 'job')).toBe(false);
    const subjects = events.flatMap((event) =>
      event.name === 'journal' ? [String(data(event)['subject'])] : [],
    );
    expect(subjects.some((subject) => subject.startsWith('model:'))).toBe(true);
    expect(subjects.every((subject) => /^(model|profile):/.test(subject))).toBe(true);
    const page = await agent.as(token)(ENDPOINTS.listAudit, { query: { limit: 200 } });
    expect(page.audit.every((row) => /^(model|profile):/.test(row.subject ?? ''))).toBe(true);
    await switchProfile('online');
  });

  it('refuses a topic that does not exist and an id that is none', async () => {
    expect(await agent.request('GET', '/v1/events?topics=gossip')).toMatchObject({
      status: 400,
      body: { error: 'invalid_argument', details: { fields: ['topics'], allowed: expect.any(Array) } },
    });
    expect(await agent.request('GET', '/v1/events', { headers: { 'last-event-id': 'x' } })).toMatchObject({
      status: 400,
      body: { error: 'invalid_argument' },
    });
  });
});
