import { lookup } from 'node:dns/promises';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect } from 'node:net';

/** What the tracer and the counters have to see: a program that calls home, in the way its argument says. */

const TEST_MS = 300;

async function attempt(way: string): Promise<void> {
  if (way === 'name') {
    await lookup('home.example').catch(() => undefined);
  } else if (way === 'datagram') {
    const socket = createSocket('udp4');
    await new Promise((resolve) => socket.send('x', 9, '192.0.2.1', resolve));
    socket.close();
  } else {
    const socket = connect({ host: way === 'ipv6' ? '2001:db8:1::1' : '192.0.2.1', port: 80 });
    setTimeout(() => socket.destroy(), TEST_MS);
    await once(socket, 'close').catch(() => undefined);
  }
}

await attempt(process.argv[2] ?? '');
