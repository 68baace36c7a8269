import { beforeEach, expect, test } from 'vitest';
import { UserError } from '../../../shared/services/errors.ts';
import { report, useNotices } from './noticeStore.ts';

beforeEach(() => useNotices.getState().dismissAll());

test('an error keeps what happened, why and what to do', () => {
  report('Start debian', new UserError({ code: 'x', message: 'No kernel.', hint: 'Choose one.' }));
  expect(useNotices.getState().notices).toMatchObject([
    { title: 'Start debian', message: 'No kernel.', hint: 'Choose one.', severity: 'error' },
  ]);
});

test('the same error again is counted and moves to the top', () => {
  report('Start a', new Error('No.'));
  report('Start b', new Error('No.'));
  report('Start a', new Error('No.'));
  expect(useNotices.getState().notices.map(({ title, times }) => [title, times])).toEqual([
    ['Start a', 2],
    ['Start b', 1],
  ]);
});

test('a notice stays until it is dismissed', () => {
  report('Start a', new Error('No.'));
  report('Start b', new Error('No.'));
  useNotices.getState().dismiss(useNotices.getState().notices[0]!.id);
  expect(useNotices.getState().notices.map(({ title }) => title)).toEqual(['Start a']);
});
