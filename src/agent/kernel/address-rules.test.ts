import { describe, expect, it } from 'vitest';
import {
  isAllowable,
  isInRanges,
  isPublic,
  isRange,
  judgeAddress,
  type AddressPolicy,
} from './address-rules.ts';

const policy = (more: Partial<AddressPolicy> = {}): AddressPolicy => ({
  allowedRanges: [],
  isPeer: false,
  secure: true,
  ...more,
});

describe('an address that a user named', () => {
  it.each([
    ['8.8.8.8', null],
    ['172.15.255.255', null],
    ['172.32.0.1', null],
    ['100.63.255.255', null],
    ['2606:4700::1111', null],
    ['::ffff:8.8.8.8', null],
    ['127.0.0.1', '127.0.0.0/8'],
    ['127.255.255.254', '127.0.0.0/8'],
    ['10.0.0.1', '10.0.0.0/8'],
    ['172.16.0.1', '172.16.0.0/12'],
    ['172.31.255.255', '172.16.0.0/12'],
    ['192.168.1.1', '192.168.0.0/16'],
    ['169.254.1.1', '169.254.0.0/16'],
    ['100.64.0.1', '100.64.0.0/10'],
    ['100.127.255.255', '100.64.0.0/10'],
    ['0.0.0.0', '0.0.0.0/8'],
    ['0.1.2.3', '0.0.0.0/8'],
    ['192.0.0.8', '192.0.0.0/24'],
    ['192.0.2.1', '192.0.2.0/24'],
    ['198.18.0.1', '198.18.0.0/15'],
    ['198.51.100.7', '198.51.100.0/24'],
    ['203.0.113.7', '203.0.113.0/24'],
    ['224.0.0.1', '224.0.0.0/4'],
    ['240.0.0.1', '240.0.0.0/4'],
    ['255.255.255.255', '240.0.0.0/4'],
    ['::1', '::1/128'],
    ['::', '::/128'],
    ['fe80::1', 'fe80::/10'],
    ['fe80::1%eth0', 'fe80::/10'],
    ['fec0::1', 'fec0::/10'],
    ['fc00::1', 'fc00::/7'],
    ['fdff::1', 'fc00::/7'],
    ['ff02::1', 'ff00::/8'],
    ['2001:db8::1', '2001:db8::/32'],
    ['2002:7f00:1::', '2002::/16'],
    ['2001::1', '2001::/32'],
    ['64:ff9b::7f00:1', '64:ff9b::/96'],
    ['64:ff9b:1::1', '64:ff9b:1::/48'],
    // The same addresses of IPv4, written as IPv6.
    ['::ffff:127.0.0.1', '127.0.0.0/8'],
    ['::ffff:7f00:1', '127.0.0.0/8'],
    ['::ffff:10.1.2.3', '10.0.0.0/8'],
    ['::127.0.0.1', '::/0'],
    ['4000::1', '::/0'],
  ])('%s lies in %s', (address, range) => {
    const verdict = judgeAddress(address, policy());
    if (range === null) expect(verdict).toEqual({ ok: true });
    else expect(verdict).toMatchObject({ ok: false, range });
  });

  it.each([
    ['10.1.2.3', ['10.0.0.0/8'], true],
    ['10.1.2.3', ['10.1.2.0/24'], true],
    ['10.1.3.3', ['10.1.2.0/24'], false],
    ['::ffff:10.1.2.3', ['10.0.0.0/8'], true],
    ['127.0.0.1', ['127.0.0.1/32'], true],
    ['127.0.0.2', ['127.0.0.1/32'], false],
    ['fd00::5', ['fd00::/8'], true],
    ['fd00::5', ['10.0.0.0/8'], false],
    ['192.168.0.1', ['10.0.0.0/8', '192.168.0.0/16'], true],
    // A range that is none opens nothing.
    ['10.1.2.3', ['10.0.0.0'], false],
    // What a cloud gives its machine's credentials out by is never part of a range.
    ['169.254.169.254', ['169.254.0.0/16'], false],
    ['169.254.169.254', ['0.0.0.0/0'], false],
    ['::ffff:169.254.169.254', ['169.254.0.0/16'], false],
    ['fd00:ec2::254', ['fd00::/8'], false],
    ['169.254.169.254', ['169.254.169.254/32'], true],
    ['fd00:ec2::254', ['fd00:ec2::254/128'], true],
  ])('%s with %j allowed: %s', (address, allowedRanges, ok) => {
    expect(judgeAddress(address, policy({ allowedRanges })).ok).toBe(ok);
    expect(judgeAddress(address, policy({ allowedRanges, secure: false })).ok).toBe(ok);
  });

  it('sends no key in the clear over the internet', () => {
    expect(judgeAddress('8.8.8.8', policy({ secure: false }))).toMatchObject({ ok: false, range: null });
    expect(judgeAddress('8.8.8.8', policy({ secure: false, allowedRanges: ['8.8.8.8/32'] })).ok).toBe(false);
  });

  it('may be anywhere when its origin is a peer, but for the metadata service', () => {
    const peer = policy({ isPeer: true, secure: false });
    for (const address of ['10.0.0.1', '127.0.0.1', '8.8.8.8', '::1'])
      expect(judgeAddress(address, peer).ok).toBe(true);
    expect(judgeAddress('169.254.169.254', peer).ok).toBe(false);
  });

  it('is an address', () => {
    expect(judgeAddress('localhost', policy())).toMatchObject({ ok: false, range: null });
    expect(isPublic('localhost')).toBe(false);
  });
});

describe('a range', () => {
  it.each([
    ['10.0.0.0/8', true],
    ['10.1.2.3/32', true],
    ['fd00::/8', true],
    ['::1/128', true],
    ['10.0.0.0', false],
    ['10.0.0.0/33', false],
    ['fd00::/129', false],
    ['10.0.0.0/8/8', false],
    ['10.0.0/8', false],
    ['0x0a.0.0.0/8', false],
    ['10.0.0.0/-1', false],
    ['10.0.0.0/ 8', false],
    ['fe80::%eth0/64', false],
    ['example.com/24', false],
    ['', false],
  ])('%j is one: %s', (text, is) => {
    expect(isRange(text)).toBe(is);
  });

  it.each([
    ['10.0.0.0/8', true],
    ['10.20.0.0/16', true],
    ['192.168.1.7/32', true],
    ['127.0.0.0/8', true],
    ['fd12:3456::/32', true],
    ['169.254.169.254/32', true],
    ['168.63.129.16/32', true],
    ['0.0.0.0/0', false],
    ['::/0', false],
    ['8.0.0.0/8', false],
    ['10.0.0.0/7', false],
    ['2606:4700::/32', false],
    ['::ffff:10.0.0.0/104', false],
    ['nonsense', false],
  ])('%s may be opened: %s', (text, may) => {
    expect(isAllowable(text)).toBe(may);
  });

  it('holds addresses of its family', () => {
    expect(isInRanges('10.1.1.1', ['fd00::/8', '10.0.0.0/8'])).toBe(true);
    expect(isInRanges('name', ['10.0.0.0/8'])).toBe(false);
  });
});
