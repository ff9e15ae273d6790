import { AppError } from '../shared/contract/index.ts';

/** No request that means something nests deeper; what does would exhaust the stack of whoever walks it. */
const MAX_DEPTH = 100;

/**
 * Refuses what no row takes, before its schema looks: values nested beyond reason, and, unless `anyText`, text with a
 * NUL or half a surrogate pair, which databases and other programs cut off or replace.
 * @throws {AppError} `invalid_argument` naming the field.
 */
export function assertCleanInput(input: unknown, where: 'params' | 'query' | 'body', anyText: boolean): void {
  // A list instead of recursion: the depth is what is not trusted.
  const open: { value: unknown; field: string; depth: number }[] = [{ value: input, field: '', depth: 0 }];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { value, field, depth } = next;
    if (typeof value === 'string') {
      if (!anyText && isBroken(value)) throw brokenText(field === '' ? where : field);
      continue;
    }
    if (typeof value !== 'object' || value === null) continue;
    if (depth >= MAX_DEPTH) throw tooDeep(field);
    for (const [key, inner] of Object.entries(value)) {
      if (!anyText && isBroken(key)) throw brokenText(field === '' ? where : field);
      // Deep down the name of the field is the way to it so far; it need not grow with the depth.
      const path = depth > 8 ? field : field === '' ? key : `${field}.${key}`;
      open.push({ value: inner, field: path, depth: depth + 1 });
    }
  }
}

function isBroken(text: string): boolean {
  return text.includes('\0') || !text.isWellFormed();
}

function brokenText(field: string): AppError {
  return new AppError('invalid_argument', `${field} holds a NUL character or half a surrogate pair.`, {
    hint: 'Send well-formed Unicode text without NUL.',
    details: { fields: [field] },
  });
}

function tooDeep(field: string): AppError {
  const [top = 'body'] = field.split('.');
  return new AppError('invalid_argument', `${top} is nested deeper than ${MAX_DEPTH} levels.`, {
    details: { fields: [top] },
  });
}
