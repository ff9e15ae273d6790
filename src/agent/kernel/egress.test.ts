import { describe, expect, it, onTestFinished } from 'vitest';
import { systemClock } from './clock.ts';
import { decideEgress, Egress, isLoopback } from './egress.ts';
import { refusal } from '../../../test/support/refusals.ts';

describe('what may leave the machine', () => {
  const offline = { profile: 'offline', allowedPeers: ['https://mirror.local'] } as const;
  it.each([
    ['docker', 'http://127.0.0.1:2375', true],
    ['docker', 'http://[::1]:2375', true],
    ['docker', 'http://localhost:2375', true],
    ['docker', 'http://10.0.0.5:2375', false],
    ['hub', 'http://127.0.0.1:8080', false],
    ['hub', 'https://mirror.local', true],
    ['image_pull', 'http://127.0.0.1', false],
    ['federation', 'https://central.example', false],
  ] as const)('offline, %s to %s: %s', (purpose, origin, allowed) => {
    expect(decideEgress({ purpose, origin }, offline).ok).toBe(allowed);
    expect(decideEgress({ purpose, origin }, { ...offline, profile: 'online' }).ok).toBe(true);
  });

  it.each([
    ['127.0.0.1', true],
    ['127.9.9.9', true],
    ['::1', true],
    ['::ffff:127.0.0.1', true],
    ['128.0.0.1', false],
    ['10.0.0.1', false],
    ['fe80::1', false],
  ])('%s is loopback: %s', (address, loopback) => {
    expect(isLoopback(address)).toBe(loopback);
  });

  it('is counted when it is refused', () => {
    const egress = new Egress(() => offline, { now: () => 5 });
    let told = 0;
    egress.onRefused(() => (told += 1));
    expect(
      refusal(() => egress.assertAllowed({ purpose: 'hub', origin: 'https://hub.example' })),
    ).toMatchObject({ code: 'runtime_profile_blocks_internet' });
    expect(egress).toMatchObject({
      refusedCount: 1,
      refusedAttempts: [{ host: 'hub.example', purpose: 'hub', at: 5 }],
    });
    expect(told).toBe(1);
  });

  it('is counted when a rule refuses it before a connection, and the latest 200 are kept', () => {
    let at = 0;
    const egress = new Egress(() => offline, { now: () => at });
    for (at = 1; at <= 250; at += 1)
      egress.noteRefused({ purpose: 'provider', host: 'api.example', reason: 'this node is offline' });
    expect(egress.refusedCount).toBe(250);
    expect(egress.refusedAttempts).toHaveLength(200);
    expect(egress.refusedAttempts[0]).toEqual({
      at: 250,
      purpose: 'provider',
      host: 'api.example',
      reason: 'this node is offline',
    });
  });

  it('is asked again at every new connection', async () => {
    let profile: 'online' | 'offline' = 'online';
    const egress = new Egress(() => ({ profile, allowedPeers: [] }), systemClock);
    const pool = egress.originPool({ purpose: 'provider', origin: 'http://127.0.0.1:9' }, 1);
    onTestFinished(() => pool.destroy());
    profile = 'offline';
    await expect(pool.request({ path: '/', method: 'GET' })).rejects.toMatchObject({
      code: 'runtime_profile_blocks_internet',
    });
  });
});
