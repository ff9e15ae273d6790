import { fireEvent, screen } from '@testing-library/react';
import { describe, expect, it } from 'vitest';
import { AppError } from '../../shared/contract/index.ts';
import { draw } from '../testing/draw.tsx';
import { Refusal, reportOf } from './ErrorStrip.tsx';
import { Sentence } from './Sentence.tsx';

const error = new AppError('unsupported_format', 'This file is a web page, not a GGUF.', {
  hint: 'Run `modelops doctor`, then `modelops import`.',
  details: { request_id: 'req_1' },
});

describe('a refusal', () => {
  it('says what happened and what helps at once, the code only when asked', () => {
    draw(<Refusal error={error} />);
    const alert = screen.getByRole('alert');
    expect(alert.textContent).toContain('This file is a web page, not a GGUF.');
    expect(alert.textContent).toContain('Run modelops doctor, then modelops import.');
    expect(screen.queryByText('unsupported_format')).toBeNull();
    const details = screen.getByRole('button', { name: 'Details', expanded: false });
    fireEvent.click(details);
    expect(screen.getByText('unsupported_format')).toBeDefined();
    expect(screen.getByText('req_1')).toBeDefined();
    expect(screen.getByRole('button', { name: 'Copy report' })).toBeDefined();
  });

  it('of something nobody just did is not shouted', () => {
    draw(<Refusal error={error} alert={false} />);
    expect(screen.queryByRole('alert')).toBeNull();
  });

  it('makes a report that another person can read', () => {
    expect(JSON.parse(reportOf(error))).toEqual({
      error: 'unsupported_format',
      message: error.message,
      hint: error.hint,
      details: { request_id: 'req_1' },
    });
  });
});

describe('a sentence of the agent', () => {
  it.each([
    ['Plain.', []],
    ['Run `modelops open`.', ['modelops open']],
    ['`a` or `b` or c', ['a', 'b']],
  ])('%s', (text, typed) => {
    const { container } = draw(<Sentence text={text} />);
    expect([...container.querySelectorAll('code')].map((code) => code.textContent)).toEqual(typed);
    expect(container.querySelector('code')?.textContent ?? '').not.toContain('`');
  });
});
