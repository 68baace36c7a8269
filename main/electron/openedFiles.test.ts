import { expect, test } from 'vitest';
import { openedFiles } from './openedFiles.ts';

test('files come as paths, relative ones too, and as addresses', () => {
  expect(
    openedFiles(
      ['/opt/Guesthouse/guesthouse', '--no-sandbox', 'a b.iso', '/x/y.ova', 'file:///z/%C3%A4.vdi'],
      '/home/me',
      1,
    ),
  ).toEqual(['/home/me/a b.iso', '/x/y.ova', '/z/ä.vdi']);
});

test('the program’s own arguments, switches and other addresses are no files', () => {
  expect(
    openedFiles(
      [
        'electron',
        '.',
        '--inspect=1',
        '',
        'https://example.org/a.iso',
        'file://host/share',
        'm.img',
      ],
      '/w',
      2,
    ),
  ).toEqual(['/w/m.img']);
});

test('a flood of files is cut off', () => {
  const flood = Array.from({ length: 1000 }, (_, n) => `${n}.iso`);
  expect(openedFiles(['guesthouse', ...flood], '/', 1)).toHaveLength(64);
});
