import { describe, expect, it } from 'vitest';
import { layoutScreen } from './screenLayout.ts';

const guest = { width: 640, height: 480 };

describe('the place of the picture', () => {
  it('is a device pixel a guest pixel in the actual size, at any scaling of the desktop', () => {
    for (const ratio of [1, 1.25, 1.5, 2]) {
      const { width, height, sharp } = layoutScreen(
        guest,
        { width: 200, height: 100 },
        'actual',
        ratio,
      );
      expect([width * ratio, height * ratio, sharp]).toEqual([640, 480, true]);
    }
  });

  it('keeps the shape when it fits, and prefers whole multiples that nearly fill the room', () => {
    expect(layoutScreen(guest, { width: 1000, height: 500 }, 'fit', 1)).toEqual({
      width: 640,
      height: 480,
      sharp: true,
    });
    expect(layoutScreen(guest, { width: 1000, height: 700 }, 'fit', 1)).toEqual({
      width: 933,
      height: 700,
      sharp: false,
    });
    expect(layoutScreen(guest, { width: 320, height: 400 }, 'fit', 1)).toEqual({
      width: 320,
      height: 240,
      sharp: false,
    });
    expect(layoutScreen(guest, { width: 660, height: 500 }, 'fit', 1.5)).toEqual({
      width: 660,
      height: 742 / 1.5,
      sharp: false,
    });
  });

  it('fills the room when scaled', () => {
    expect(layoutScreen(guest, { width: 900, height: 300 }, 'scaled', 1)).toEqual({
      width: 900,
      height: 300,
      sharp: false,
    });
  });
});
