import { expect, test } from 'vitest';
import { vmStates, type VmState } from '../../../shared/vm/lifecycle.ts';
import { commandNames, whyNot, whyNotAny } from './commands.ts';

const vm = (state: VmState, unusable = false) => ({ id: '1', name: 'debian', state, unusable });
const possible = (state: VmState) => commandNames.filter((name) => !whyNot(name, vm(state)));

test('every state allows exactly the commands that make sense in it', () => {
  expect(Object.fromEntries(vmStates.map((state) => [state, possible(state)]))).toEqual({
    poweredOff: ['start', 'settings', 'clone', 'export', 'delete'],
    saved: ['start', 'discardState', 'settings', 'clone', 'export', 'delete'],
    aborted: ['start', 'settings', 'clone', 'export', 'delete'],
    starting: ['show', 'powerOff', 'settings'],
    running: ['show', 'pause', 'reset', 'shutDown', 'saveState', 'powerOff', 'settings'],
    paused: ['show', 'resume', 'reset', 'saveState', 'powerOff', 'settings'],
    stopping: ['show', 'powerOff', 'settings'],
  });
});

test('a refusal names the machine and its state', () => {
  expect(whyNot('pause', vm('paused'))).toBe('“debian” is paused');
  expect(whyNot('delete', vm('running'))).toBe('“debian” is running; power it off first');
  expect(whyNot('start', undefined)).toBe('Select a machine first');
});

test('several machines take a command that one of them can take', () => {
  expect(whyNotAny('start', [vm('running'), vm('poweredOff')])).toBeUndefined();
  expect(whyNotAny('pause', [vm('aborted'), vm('poweredOff')])).toBe('“debian” is not running');
  expect(whyNotAny('settings', [vm('aborted'), vm('poweredOff')])).toBe('Select one machine only');
  expect(whyNotAny('start', [])).toBe('Select a machine first');
});

test('nothing can be done with a machine whose file cannot be used', () => {
  for (const name of commandNames) expect(whyNot(name, vm('poweredOff', true))).toBeTruthy();
});
