import { expect, test } from 'vitest';
import { utilityExit } from './utilityExit.ts';

test('a killed VM process is told from one that ended', () => {
  expect(utilityExit(9, 'linux')).toEqual({ code: null, signal: 'SIGKILL' });
  expect(utilityExit(11, 'darwin')).toEqual({ code: null, signal: 'SIGSEGV' });
  expect(utilityExit(0, 'linux')).toEqual({ code: 0, signal: null });
  expect(utilityExit(70, 'linux')).toEqual({ code: 70, signal: null });
  expect(utilityExit(9, 'win32')).toEqual({ code: 9, signal: null });
});
