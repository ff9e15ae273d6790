import { screen } from '@testing-library/react';
import { expect, it } from 'vitest';
import { draw } from '../testing/draw.tsx';
import Markdown from './Markdown.tsx';

it('draws text, and nothing that could run, fetch or lead away', () => {
  draw(
    <Markdown
      text={[
        '# Title',
        '- one\n- **two**',
        '<script>alert(1)</script><img src=x onerror=alert(1)>',
        '![a picture](https://example.com/x.png)',
        '[a link](https://example.com) [bad](javascript:alert(1))',
      ].join('\n\n')}
    />,
  );
  expect(screen.getByRole('heading', { level: 3, name: 'Title' })).toBeDefined();
  expect(screen.getAllByRole('listitem')).toHaveLength(2);
  expect(document.querySelector('script, img, a')).toBeNull();
  expect(document.body.textContent).toContain('[a picture]');
  expect(document.body.textContent).toContain('a link (https://example.com)');
  expect(document.body.textContent).not.toContain('javascript:');
});
