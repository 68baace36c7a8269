import { expect, test } from 'vitest';
import { closeQuestion } from './closeQuestion.ts';

const vm = (name: string, state: 'running' | 'paused' | 'poweredOff' | 'aborted') => ({
  id: name,
  name,
  state,
});

test('the app closes without a question when nothing runs', () => {
  expect(closeQuestion([vm('a', 'poweredOff'), vm('b', 'aborted')])).toBeUndefined();
});

test('the question names what would be lost', () => {
  expect(closeQuestion([vm('a', 'running')])?.message).toBe('“a” is running');
  expect(closeQuestion([vm('a', 'running'), vm('b', 'paused')])).toMatchObject({
    message: '2 machines are running',
    detail: expect.stringContaining('“a”, “b”'),
  });
});
