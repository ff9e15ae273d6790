import { IntlMessageFormat } from 'intl-messageformat';
import { describe, expect, it } from 'vitest';
import { en } from './en/index.ts';
import { known, t } from './text.ts';

/** The files of the catalogue; `index.ts` puts them together, and of two texts under one key the last would win. */
const FILES = import.meta.glob<Record<string, Record<string, string>>>(['./en/*.ts', '!./en/index.ts'], {
  eager: true,
});

describe('the catalogue', () => {
  it('has each key once', () => {
    const keys = Object.values(FILES).flatMap((file) => Object.values(file).flatMap(Object.keys));
    expect(keys.length).toBeGreaterThan(500);
    expect(keys.filter((key, index) => keys.indexOf(key) !== index)).toEqual([]);
    expect(Object.keys(en).length).toBe(keys.length);
  });

  it('is readable ICU throughout', () => {
    for (const [key, text] of Object.entries(en))
      expect(() => new IntlMessageFormat(text, 'en'), key).not.toThrow();
  });

  it('keeps its tone: no please, no sorry, no exclamation, no capitals', () => {
    for (const [key, text] of Object.entries(en)) {
      expect(text, key).not.toMatch(/please|sorry|oops|successfully|simply|are you sure|!/i);
      // Names of things are short; a whole word in capitals shouts.
      expect(text.replaceAll(/MODELOPS_[A-Z_]+|NVIDIA/g, ''), key).not.toMatch(/[A-Z]{5,}/);
    }
  });

  it('has no hole that is filled with nothing', () => {
    expect(t('models.count', { count: 1 })).toBe('1 model');
    expect(() => t('models.count')).toThrow('count');
    expect(known('no.such.key')).toBeNull();
  });
});
