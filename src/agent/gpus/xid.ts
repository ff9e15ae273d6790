/** XID errors of the NVIDIA driver: what the numbers mean, after NVIDIA's catalogue of them. */

const MEANINGS: Readonly<Record<number, string>> = {
  8: 'the GPU stopped processing',
  13: 'a program did something that the GPU does not allow',
  31: 'a program touched memory that is not its own',
  32: 'commands arrived damaged; often the PCIe link',
  38: 'the firmware of the driver failed',
  43: 'a program was stopped on the GPU',
  45: 'programs were ended after an earlier error',
  48: 'two bits of memory were wrong at once and could not be corrected',
  61: 'the firmware stopped at a breakpoint',
  62: 'the firmware halted',
  63: 'a damaged place of memory was taken out of use',
  64: 'a damaged place of memory could not be taken out of use',
  68: 'the video decoder failed',
  69: 'the graphics engine failed',
  74: 'NVLink failed',
  79: 'the GPU has fallen off the bus',
  92: 'many single bits of memory had to be corrected',
  94: 'an uncorrectable error of memory was kept to one program',
  95: 'an uncorrectable error of memory could not be kept to one program',
  109: 'a switch between programs took too long',
  110: 'a security fault',
  119: "the GPU's own processor does not answer",
  120: "the GPU's own processor failed",
  121: 'the link between chips failed',
  140: 'an uncorrectable error of memory',
  143: "the GPU's own processor could not be started",
  154: 'the GPU has to be reset, or the machine restarted',
};

export interface Xid {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly busId: string;
  readonly code: number;
  readonly message: string;
}

const XID = /NVRM: Xid \(PCI:([0-9a-fA-F:.]+)\): (\d+),?\s*(.*)$/;
const LONGEST = 300;

/**
 * An XID in a record of /dev/kmsg (`<priority>,<number>,<microseconds since boot>,<flags>;<text>`); null for any other.
 * Pure. @param bootedAt milliseconds since the epoch
 */
export function xidOf(record: string, bootedAt: number): Xid | null {
  const separator = record.indexOf(';');
  if (separator < 0) return null;
  const match = XID.exec(record.slice(separator + 1).split('\n', 1)[0] ?? '');
  if (match === null) return null;
  const [, busId = '', number = '', rest = ''] = match;
  const micros = Number(record.slice(0, separator).split(',')[2]);
  const code = Number(number);
  const meaning = MEANINGS[code];
  const told = `XID ${code}${meaning === undefined ? '' : `: ${meaning}`}${rest === '' ? '' : ` (${rest.trim()})`}`;
  return {
    at: Math.round(bootedAt + (Number.isFinite(micros) ? micros / 1000 : 0)),
    busId,
    code,
    message: told.length > LONGEST ? `${told.slice(0, LONGEST)}…` : told,
  };
}
