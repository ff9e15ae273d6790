/** A reader of Prometheus' text format 0.0.4, written from its description and stricter than scrapers are. */

export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface Family {
  readonly name: string;
  readonly help: string;
  readonly type: string;
  readonly samples: readonly Sample[];
}

export interface Metrics {
  readonly families: ReadonlyMap<string, Family>;
  samples(name: string): readonly Sample[];
  /** Of the one sample that has these labels; 0 without one. @throws when several have. */
  value(name: string, labels?: Readonly<Record<string, string>>): number;
  sum(name: string): number;
}

const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*/;
const SUFFIXES = { histogram: ['_bucket', '_sum', '_count'], summary: ['', '_sum', '_count'] } as const;

/** @throws for a line that is not of the format, a sample before its type, and a series that comes twice. */
export function parseMetrics(text: string): Metrics {
  const families = new Map<string, { name: string; help: string; type: string; samples: Sample[] }>();
  const family = (name: string) => {
    const known = families.get(name) ?? { name, help: '', type: '', samples: [] };
    families.set(name, known);
    return known;
  };
  const seen = new Set<string>();
  for (const line of text.split('\n')) {
    if (line === '') continue;
    const comment = /^# (HELP|TYPE) ([a-zA-Z_:][a-zA-Z0-9_:]*) (.*)$/.exec(line);
    if (comment !== null) {
      const [, kind, name = '', rest = ''] = comment;
      const of = family(name);
      if (kind === 'HELP') of.help = rest;
      else if (of.samples.length > 0) throw new Error(`the type of ${name} comes after its samples`);
      else of.type = rest;
      continue;
    }
    const sample = parseSample(line);
    const series = JSON.stringify([
      sample.name,
      Object.entries(sample.labels).toSorted(([a], [b]) => a.localeCompare(b)),
    ]);
    if (seen.has(series)) throw new Error(`${series} comes twice`);
    seen.add(series);
    ownerOf(sample.name, families).samples.push(sample);
  }
  const all = [...families.values()].flatMap(({ samples }) => samples);
  const samples = (name: string): Sample[] => all.filter((sample) => sample.name === name);
  return {
    families,
    samples,
    value(name, labels = {}) {
      const found = samples(name).filter((sample) =>
        Object.entries(labels).every(([label, value]) => sample.labels[label] === value),
      );
      if (found.length > 1)
        throw new Error(`${found.length} samples of ${name} have ${JSON.stringify(labels)}`);
      return found[0]?.value ?? 0;
    },
    sum: (name) => samples(name).reduce((sum, { value }) => sum + value, 0),
  };
}

function ownerOf<F extends { type: string }>(name: string, families: ReadonlyMap<string, F>): F {
  const plain = families.get(name);
  if (plain !== undefined && !(plain.type in SUFFIXES)) return plain;
  for (const [type, suffixes] of Object.entries(SUFFIXES)) {
    for (const suffix of suffixes) {
      if (!name.endsWith(suffix)) continue;
      const owner = families.get(name.slice(0, name.length - suffix.length));
      if (owner?.type === type) return owner;
    }
  }
  throw new Error(`${name} has no type before it`);
}

function parseSample(line: string): Sample {
  const name = NAME.exec(line)?.[0];
  if (name === undefined) throw new Error(`no line of the format: ${line}`);
  const labels: Record<string, string> = {};
  let at = name.length;
  if (line[at] === '{') {
    at += 1;
    while (line[at] !== '}') {
      const label = NAME.exec(line.slice(at))?.[0];
      if (label === undefined || line.slice(at + label.length, at + label.length + 2) !== '="')
        throw new Error(`no label at ${at}: ${line}`);
      if (label in labels) throw new Error(`a label comes twice: ${line}`);
      const quoted = quotedText(line, at + label.length + 2);
      labels[label] = quoted.text;
      at = quoted.end;
      if (line[at] === ',') at += 1;
    }
    at += 1;
  }
  return { name, labels, value: numberOf(line.slice(at), line) };
}

/** @returns the text that starts at a place, and the place after its closing quote. */
function quotedText(line: string, start: number): { text: string; end: number } {
  let text = '';
  let at = start;
  while (line[at] !== '"') {
    const character = line[at];
    if (character === undefined) throw new Error(`a label does not end: ${line}`);
    if (character === '\\') {
      const escaped = { n: '\n', '\\': '\\', '"': '"' }[line[at + 1] ?? ''];
      if (escaped === undefined) throw new Error(`a wrong escape at ${at}: ${line}`);
      text += escaped;
      at += 2;
    } else {
      text += character;
      at += 1;
    }
  }
  return { text, end: at + 1 };
}

/** With a time stamp behind it or not. */
function numberOf(rest: string, line: string): number {
  const number = /^ (\S+)(?: -?\d+)?$/.exec(rest)?.[1];
  const value = { '+Inf': Infinity, '-Inf': -Infinity, NaN: Number.NaN }[number ?? ''] ?? Number(number);
  if (number === undefined || (Number.isNaN(value) && number !== 'NaN'))
    throw new Error(`no number: ${line}`);
  return value;
}
