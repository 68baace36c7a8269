import { expect, test } from 'vitest';
import { placementFrom } from './windowPlacement.ts';

const screens = [{ x: 0, y: 0, width: 1920, height: 1080 }];

test('a window comes back where it was', () => {
  const saved = { x: 100, y: 50, width: 1000, height: 700, maximized: true };
  expect(placementFrom(saved, screens)).toEqual(saved);
});

test('a window of a screen that is gone keeps its size only', () => {
  const saved = { x: 2500, y: 50, width: 1000, height: 700, maximized: false };
  expect(placementFrom(saved, screens)).toEqual({ width: 1000, height: 700, maximized: false });
  expect(placementFrom({ ...saved, x: 100, y: 1060 }, screens)).not.toHaveProperty('x');
});

test('nonsense in the settings is forgotten', () => {
  for (const saved of [undefined, null, 'x', {}, { width: '5', height: 1 }, { width: 1.5 }])
    expect(placementFrom(saved, screens)).toEqual({ width: 1280, height: 800, maximized: false });
  expect(placementFrom({ width: 1, height: 1 }, screens)).toMatchObject({
    width: 720,
    height: 480,
  });
});
