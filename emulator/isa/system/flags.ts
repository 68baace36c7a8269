/** PUSHF, POPF, CLI, STI (SDM 2A, 2B). */
import { inst } from '../dsl.ts';
import { form, op } from '../forms.ts';
import { helpers } from '../helpers.ts';

helpers('flagInstructions', {
  flagsToPush: [[], { returns: 64, writes: false, touches: 'flags' }],
  checkPopFlags: [[], { writes: false, touches: 'nothing' }],
  /** (image, operand size in bytes). */
  popFlags: [[64, 32], { faults: false, touches: 'flags' }],
  clearInterruptFlag: [[], { touches: 'nothing' }],
  /** (next RIP). */
  setInterruptFlag: [[64], { touches: 'nothing' }],
});

inst('PUSHF', {
  forms: [form([], op(0x9c).sized().default64())],
  semantics(s) {
    s.push(s.truncate(s.call('flagsToPush'), s.size));
  },
});

inst('POPF', {
  forms: [form([], op(0x9d).sized().default64())],
  semantics(s) {
    s.callVoid('checkPopFlags');
    const image = s.stackLoad(0, s.size);
    s.stackAdjust(s.size / 8);
    s.callVoid('popFlags', s.zeroExtend(image, 64), s.const(s.size / 8, 32));
    s.endBlock();
  },
});

inst('CLI', {
  forms: [form([], op(0xfa))],
  semantics(s) {
    s.callVoid('clearInterruptFlag');
  },
});

inst('STI', {
  forms: [form([], op(0xfb))],
  semantics(s) {
    s.callVoid('setInterruptFlag', s.nextRip());
    s.endBlock();
  },
});
