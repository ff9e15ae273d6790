import { IntlMessageFormat } from 'intl-messageformat';
import { describe, expect, it } from 'vitest';
import { en } from './en/index.ts';
import { known, t } from './text.ts';

describe('the catalogue', () => {
  it('is readable ICU throughout', () => {
    for (const [key, text] of Object.entries(en))
      expect(() => new IntlMessageFormat(text, 'en'), key).not.toThrow();
  });

  it('keeps its tone: no please, no sorry, no exclamation, no capitals', () => {
    for (const [key, text] of Object.entries(en)) {
      expect(text, key).not.toMatch(/please|sorry|oops|successfully|simply|are you sure|!/i);
      // Names of things are short; a whole word in capitals shouts.
      expect(text.replaceAll(/MODELOPS_[A-Z]+/g, ''), key).not.toMatch(/[A-Z]{5,}/);
    }
  });

  it('has no hole that is filled with nothing', () => {
    expect(t('models.count', { count: 1 })).toBe('1 model');
    expect(() => t('models.count')).toThrow('count');
    expect(known('no.such.key')).toBeNull();
  });
});
