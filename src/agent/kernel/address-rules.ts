import { BlockList, isIP } from 'node:net';

/**
 * Which addresses a destination that a user named may have. A base address is typed in by people, so without a judge it
 * would be a way into this machine, its network and a cloud's metadata service. Pure: whoever connects resolves the
 * name, asks here about every answer, and connects to no other address.
 */

interface AddressRange {
  readonly cidr: string;
  readonly words: string;
  readonly list: BlockList;
}

const range = (cidr: string, words: string): AddressRange => ({ cidr, words, list: blockList([cidr]) });

/** Everything that is not a public unicast address (IANA special-purpose registries), most exact first. */
const SPECIAL: readonly AddressRange[] = [
  range('127.0.0.0/8', 'this machine'),
  range('10.0.0.0/8', 'a private network'),
  range('172.16.0.0/12', 'a private network'),
  range('192.168.0.0/16', 'a private network'),
  range('169.254.0.0/16', 'link-local'),
  range('100.64.0.0/10', 'behind a carrier-grade NAT'),
  range('0.0.0.0/8', 'this network'),
  range('192.0.0.0/24', 'reserved'),
  range('192.0.2.0/24', 'for documentation'),
  range('198.51.100.0/24', 'for documentation'),
  range('203.0.113.0/24', 'for documentation'),
  range('192.88.99.0/24', 'a 6to4 relay'),
  range('198.18.0.0/15', 'for benchmarks'),
  range('224.0.0.0/4', 'multicast'),
  range('240.0.0.0/4', 'reserved'),
  range('::1/128', 'this machine'),
  range('::/128', 'unspecified'),
  range('fc00::/7', 'a private network (ULA)'),
  range('fe80::/10', 'link-local'),
  range('fec0::/10', 'site-local'),
  range('ff00::/8', 'multicast'),
  range('64:ff9b::/96', 'NAT64'),
  range('64:ff9b:1::/48', 'NAT64'),
  range('2002::/16', '6to4'),
  range('2001::/32', 'Teredo'),
  range('2001::/23', 'reserved'),
  range('2001:db8::/32', 'for documentation'),
  range('3fff::/20', 'for documentation'),
];
const MAPPED = blockList(['::ffff:0:0/96']);
/** All public IPv6 there is. */
const GLOBAL_UNICAST = blockList(['2000::/3']);
const RESERVED = range('::/0', 'reserved');

/** Where clouds hand out the credentials of a machine: only when the very address is allowed. */
const METADATA = blockList([
  '169.254.169.254/32',
  '100.100.100.200/32',
  '168.63.129.16/32',
  'fd00:ec2::254/128',
]);

export interface AddressPolicy {
  /** CIDR ranges that were allowed for the destination. */
  readonly allowedRanges: readonly string[];
  /** The origin is on the list of allowed peers. */
  readonly isPeer: boolean;
  /** https. */
  readonly secure: boolean;
}

export type AddressVerdict =
  | { readonly ok: true }
  | { readonly ok: false; readonly range: string | null; readonly reason: string };

/** Whether a connection may go to an address. `address` is a literal, without brackets. */
export function judgeAddress(address: string, policy: AddressPolicy): AddressVerdict {
  const bare = address.replace(/%.*$/, '');
  if (isIP(bare) === 0) return { ok: false, range: null, reason: `${bare.slice(0, 100)} is no address` };
  const allowed = policy.allowedRanges.filter(isRange);
  if (contains(METADATA, bare)) {
    const exactly = allowed.filter((cidr) => cidr.endsWith(isIP(bare) === 4 ? '/32' : '/128'));
    if (contains(blockList(exactly), bare)) return { ok: true };
    return { ok: false, range: `${bare}/${isIP(bare) === 4 ? 32 : 128}`, reason: 'a metadata service' };
  }
  if (policy.isPeer) return { ok: true };
  const special = specialRange(bare);
  if (special === null) {
    if (policy.secure) return { ok: true };
    return { ok: false, range: null, reason: 'a public address, and http would send the key in the clear' };
  }
  if (contains(blockList(allowed), bare)) return { ok: true };
  return { ok: false, range: special.cidr, reason: special.words };
}

/** Whether a text is a range in CIDR notation, with nothing set behind the prefix being required. */
export function isRange(text: string): boolean {
  const [address = '', prefix = '', ...rest] = text.split('/');
  const family = isIP(address);
  if (family === 0 || rest.length > 0 || !/^\d{1,3}$/.test(prefix) || address.includes('%')) return false;
  return Number(prefix) <= (family === 4 ? 32 : 128);
}

/** Whether a range may be opened: only addresses that are not public need to be, and no range opens both. */
export function isAllowable(text: string): boolean {
  if (!isRange(text)) return false;
  const [address = '', prefix = ''] = text.split('/');
  const exact = Number(prefix) === (isIP(address) === 4 ? 32 : 128);
  if (exact && contains(METADATA, address)) return true;
  return SPECIAL.some(({ cidr, list }) => {
    const [first = '', bits = ''] = cidr.split('/');
    return isIP(first) === isIP(address) && Number(prefix) >= Number(bits) && contains(list, address);
  });
}

/** Whether an address literal lies in one of some ranges. */
export function isInRanges(address: string, ranges: readonly string[]): boolean {
  return isIP(address) !== 0 && contains(blockList(ranges.filter(isRange)), address);
}

/** Whether an address literal is a public one. */
export function isPublic(address: string): boolean {
  return isIP(address) !== 0 && specialRange(address) === null;
}

/** The special range an address lies in; null for a public one. An IPv4 address written as IPv6 is judged as IPv4. */
function specialRange(address: string): AddressRange | null {
  const found = SPECIAL.find(({ list }) => contains(list, address));
  if (found !== undefined) return found;
  if (isIP(address) === 4 || contains(MAPPED, address) || contains(GLOBAL_UNICAST, address)) return null;
  return RESERVED;
}

function blockList(cidrs: readonly string[]): BlockList {
  const list = new BlockList();
  for (const cidr of cidrs) {
    const [address = '', prefix = ''] = cidr.split('/');
    list.addSubnet(address, Number(prefix), isIP(address) === 4 ? 'ipv4' : 'ipv6');
  }
  return list;
}

function contains(list: BlockList, address: string): boolean {
  return list.check(address, isIP(address) === 4 ? 'ipv4' : 'ipv6');
}
