/** Far JMP, CALL, RET; INT, IRET; SYSCALL, SYSENTER and their returns (SDM 2A, 2B). */
import type { Semantics, Val } from '../dsl.ts';
import { inst } from '../dsl.ts';
import { form, op } from '../forms.ts';
import { helpers } from '../helpers.ts';
import { Ap, Ib, Iw, M, a, r } from '../operands.ts';

helpers('farTransfers', {
  /** (selector, offset, operand size in bytes, next RIP). */
  farJump: [[32, 64, 32, 64]],
  farCall: [[32, 64, 32, 64]],
  /** (operand size in bytes, bytes to release). */
  farReturn: [[32, 32]],
});
helpers('iret', {
  /** (vector, next RIP). */
  softwareInterrupt: [[32, 64]],
  breakpoint: [[64]],
  overflowTrap: [[64]],
  debugTrap: [[64]],
  /** (operand size in bytes, next RIP). */
  interruptReturnFrom: [[32, 64]],
});
helpers('fastCalls', {
  systemCall: [[64]],
  systemReturn: [[32]],
  systemEnter: [[]],
  systemExit: [[32]],
});

const bytes = (s: Semantics): Val => s.const(s.size / 8, 32);

for (const [name, helper, direct, digit] of [
  ['JMP', 'farJump', 0xea, 5],
  ['CALL', 'farCall', 0x9a, 3],
] as const) {
  inst(name, {
    forms: [form([r(Ap)], op(direct).not64())],
    semantics(s, target) {
      const selector = s.zeroExtend(s.selector(target), 32);
      s.callVoid(helper, selector, s.zeroExtend(s.read(target), 64), bytes(s), s.nextRip());
      s.leave();
    },
  });
  inst(name, {
    forms: [form([a(M)], op(0xff).digit(digit).sized())],
    semantics(s, pointer) {
      const offset = s.loadAt(pointer, 0, s.size);
      const selector = s.loadAt(pointer, s.size / 8, 16);
      s.callVoid(
        helper,
        s.zeroExtend(selector, 32),
        s.zeroExtend(offset, 64),
        bytes(s),
        s.nextRip(),
      );
      s.leave();
    },
  });
}

inst('RETF', {
  forms: [form([r(Iw)], op(0xca).sized())],
  semantics(s, release) {
    s.callVoid('farReturn', bytes(s), s.zeroExtend(s.read(release), 32));
    s.leave();
  },
});

inst('RETF', {
  forms: [form([], op(0xcb).sized())],
  semantics(s) {
    s.callVoid('farReturn', bytes(s), s.const(0, 32));
    s.leave();
  },
});

inst('INT', {
  forms: [form([r(Ib)], op(0xcd))],
  semantics(s, vector) {
    s.callVoid('softwareInterrupt', s.zeroExtend(s.read(vector), 32), s.nextRip());
    s.leave();
  },
});

for (const [name, opcode, helper] of [
  ['INT3', 0xcc, 'breakpoint'],
  ['INT1', 0xf1, 'debugTrap'],
] as const) {
  inst(name, {
    forms: [form([], op(opcode))],
    semantics(s) {
      s.callVoid(helper, s.nextRip());
      s.leave();
    },
  });
}

inst('INTO', {
  forms: [form([], op(0xce).not64())],
  semantics(s) {
    s.callVoid('overflowTrap', s.nextRip());
    s.leave();
  },
});

inst('IRET', {
  forms: [form([], op(0xcf).sized())],
  semantics(s) {
    s.callVoid('interruptReturnFrom', bytes(s), s.nextRip());
    s.leave();
  },
});

inst('SYSCALL', {
  forms: [form([], op(0x0f, 0x05))],
  semantics(s) {
    s.callVoid('systemCall', s.nextRip());
    s.leave();
  },
});

inst('SYSRET', {
  forms: [form([], op(0x0f, 0x07).sized())],
  semantics(s) {
    s.callVoid('systemReturn', bytes(s));
    s.leave();
  },
});

inst('SYSENTER', {
  forms: [form([], op(0x0f, 0x34))],
  semantics(s) {
    s.callVoid('systemEnter');
    s.leave();
  },
});

inst('SYSEXIT', {
  forms: [form([], op(0x0f, 0x35).sized())],
  semantics(s) {
    s.callVoid('systemExit', bytes(s));
    s.leave();
  },
});
