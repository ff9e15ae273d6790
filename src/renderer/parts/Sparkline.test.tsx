import { fireEvent, screen } from '@testing-library/react';
import { describe, expect, it } from 'vitest';
import { draw } from '../testing/draw.tsx';
import { formatRate } from './format.ts';
import { Sparkline, type SparklineSample } from './Sparkline.tsx';

const samples: SparklineSample[] = Array.from({ length: 61 }, (_, second) => ({
  at: new Date(Date.UTC(2026, 10, 14, 12, 0, second)).toISOString(),
  value: second === 59 ? null : second,
}));

describe('Sparkline', () => {
  it('says what it shows and the newest value, and dots it', () => {
    const { container } = draw(<Sparkline label="Tokens per second" samples={samples} format={formatRate} />);
    expect(screen.getByRole('img', { name: 'Tokens per second, now 60.0' })).toBeTruthy();
    expect(container.querySelectorAll('circle')).toHaveLength(1);
    // The newest 60 of 61, with a gap at the last but one.
    expect(container.querySelector('path')?.getAttribute('d')?.match(/M/g)).toHaveLength(2);
  });

  it('has no dot and no number where the newest value is unknown', () => {
    const { container } = draw(
      <Sparkline label="Tokens per second" samples={samples.slice(0, 60)} format={formatRate} />,
    );
    expect(screen.getByRole('img', { name: 'Tokens per second, now —' })).toBeTruthy();
    expect(container.querySelectorAll('circle')).toHaveLength(0);
  });

  it('is there without samples', () => {
    draw(<Sparkline label="Tokens per second" samples={[]} format={formatRate} />);
    expect(screen.getByRole('img', { name: 'Tokens per second, nothing measured yet' })).toBeTruthy();
  });

  it('tells value and time under the pointer, and what is not known as such', async () => {
    draw(<Sparkline label="Tokens per second" samples={samples} format={formatRate} />);
    const line = screen.getByRole('img');
    fireEvent.pointerMove(line, { clientX: 94 });
    expect((await screen.findByRole('tooltip')).textContent).toMatch(/^60\.0 at 14 Nov 2026/);
    fireEvent.pointerMove(line, { clientX: 92.4 });
    expect((await screen.findByRole('tooltip')).textContent).toMatch(/^— at/);
    fireEvent.pointerLeave(line);
    expect(screen.queryByRole('tooltip')).toBeNull();
  });
});
