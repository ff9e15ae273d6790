import type { Glyph } from './verdict.ts';

/** The tray's pictures, drawn here: three shapes do not need files. Pure. */

/** Readable on light and dark bars alike. */
const TONES: Readonly<Record<Glyph, readonly [red: number, green: number, blue: number]>> = {
  solid: [0x2b, 0xa0, 0x6a],
  half: [0xd0, 0x8c, 0x1a],
  octagon: [0xdd, 0x46, 0x40],
};
const BLACK = [0, 0, 0] as const;
const SAMPLES = 4;
const RADIUS = 0.42;
const RING = 0.09;

/** Raw pixels, blue-green-red-alpha with the colours multiplied by alpha. `template` is macOS's black on nothing. */
export function drawGlyph(glyph: Glyph, size: number, template: boolean): Buffer {
  const [red, green, blue] = template ? BLACK : TONES[glyph];
  const pixels = Buffer.alloc(size * size * 4);
  for (let y = 0; y < size; y += 1) {
    for (let x = 0; x < size; x += 1) {
      const alpha = coverage(glyph, x, y, size);
      pixels.set([blue * alpha, green * alpha, red * alpha, 255 * alpha].map(Math.round), (y * size + x) * 4);
    }
  }
  return pixels;
}

/** How much of a pixel the shape covers, 0 to 1. */
function coverage(glyph: Glyph, x: number, y: number, size: number): number {
  let inside = 0;
  for (let i = 0; i < SAMPLES * SAMPLES; i += 1) {
    const px = (x + ((i % SAMPLES) + 0.5) / SAMPLES) / size - 0.5;
    const py = (y + (Math.floor(i / SAMPLES) + 0.5) / SAMPLES) / size - 0.5;
    if (contains(glyph, px, py)) inside += 1;
  }
  return inside / (SAMPLES * SAMPLES);
}

function contains(glyph: Glyph, x: number, y: number): boolean {
  const distance = Math.hypot(x, y);
  switch (glyph) {
    case 'solid':
      return distance <= RADIUS;
    case 'half':
      return distance <= RADIUS && (x <= 0 || distance >= RADIUS - RING);
    case 'octagon': {
      // With the exclamation mark left out of it.
      const isMark = Math.abs(x) <= 0.055 && ((y >= -0.24 && y <= 0.06) || (y >= 0.13 && y <= 0.24));
      const diagonal = (Math.abs(x) + Math.abs(y)) / Math.SQRT2;
      return Math.max(Math.abs(x), Math.abs(y), diagonal) <= RADIUS && !isMark;
    }
  }
}
