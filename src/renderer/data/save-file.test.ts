import { describe, expect, it } from 'vitest';
import { toCsv } from './save-file.ts';

describe('CSV', () => {
  it('quotes what would end a cell, and keeps numbers and what is not known', () => {
    expect(
      toCsv(
        ['name', 'size'],
        [
          ['a,"b"\nc', 12],
          ['plain', null],
        ],
      ),
    ).toBe('name,size\r\n"a,""b""\nc",12\r\nplain,\r\n');
  });

  it('runs no formula in a spreadsheet', () => {
    expect(toCsv(['tags'], [['=HYPERLINK("http://x")'], ['+1'], ['-1'], ['@x']])).toBe(
      'tags\r\n"\'=HYPERLINK(""http://x"")"\r\n\'+1\r\n\'-1\r\n\'@x\r\n',
    );
  });
});
