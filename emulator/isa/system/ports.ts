/** IN, OUT, INS, OUTS (SDM 2A, 2B). REX.W does not widen them. */
import type { Semantics, Val, Width } from '../dsl.ts';
import { inst } from '../dsl.ts';
import { Flag, Reg, Seg } from '../flagRules.ts';
import { form, op } from '../forms.ts';
import { helpers } from '../helpers.ts';
import { Ib, r } from '../operands.ts';

helpers('portAccess', {
  /** (port, bytes): permission. */
  checkPort: [[32, 32], { writes: false, touches: 'nothing' }],
  portIn: [[32, 32], { returns: 32, faults: false, writes: false, touches: 'nothing' }],
  /** (port, bytes, value). */
  portOut: [[32, 32, 32], { faults: false, touches: 'nothing' }],
});

type PortWidth = 8 | 16 | 32;
const portWidth = (s: Semantics): PortWidth => (s.size === 16 ? 16 : 32);

function input(s: Semantics, port: Val, width: PortWidth): void {
  const bytes = s.const(width / 8, 32);
  s.callVoid('checkPort', port, bytes);
  s.setReg(Reg.RAX, s.truncate(s.call('portIn', port, bytes), width));
  s.endBlock();
}

function output(s: Semantics, port: Val, width: PortWidth): void {
  const bytes = s.const(width / 8, 32);
  s.callVoid('checkPort', port, bytes);
  s.callVoid('portOut', port, bytes, s.zeroExtend(s.reg(Reg.RAX, width), 32));
  s.endBlock();
}

const dx = (s: Semantics): Val => s.zeroExtend(s.reg(Reg.RDX, 16), 32);

for (const [name, transfer, immediate, register] of [
  ['IN', input, 0xe4, 0xec],
  ['OUT', output, 0xe6, 0xee],
] as const) {
  inst(name, {
    forms: [form([r(Ib)], op(immediate))],
    semantics: (s, port) => transfer(s, s.zeroExtend(s.read(port), 32), 8),
  });
  inst(name, {
    forms: [form([r(Ib)], op(immediate + 1).sized())],
    semantics: (s, port) => transfer(s, s.zeroExtend(s.read(port), 32), portWidth(s)),
  });
  inst(name, {
    forms: [form([], op(register))],
    semantics: (s) => transfer(s, dx(s), 8),
  });
  inst(name, {
    forms: [form([], op(register + 1).sized())],
    semantics: (s) => transfer(s, dx(s), portWidth(s)),
  });
}

function advance(s: Semantics, width: Width, register: number): void {
  const size = s.addressSize;
  const step = s.select(s.flag(Flag.DF), s.const(-width / 8, size), s.const(width / 8, size));
  s.setReg(register, s.add(s.reg(register, size), step));
}

function inputString(s: Semantics, width: PortWidth): void {
  s.string(() => {
    const bytes = s.const(width / 8, 32);
    const index = s.reg(Reg.RDI, s.addressSize);
    s.callVoid('checkPort', dx(s), bytes);
    // The port is read only if the store will succeed.
    s.checkStore(Seg.ES, index, width);
    s.store(Seg.ES, index, s.truncate(s.call('portIn', dx(s), bytes), width));
    advance(s, width, Reg.RDI);
  });
}

function outputString(s: Semantics, width: PortWidth): void {
  s.string(() => {
    const bytes = s.const(width / 8, 32);
    s.callVoid('checkPort', dx(s), bytes);
    const value = s.load('ds', s.reg(Reg.RSI, s.addressSize), width);
    s.callVoid('portOut', dx(s), bytes, s.zeroExtend(value, 32));
    advance(s, width, Reg.RSI);
  });
}

for (const [name, transfer, opcode] of [
  ['INS', inputString, 0x6c],
  ['OUTS', outputString, 0x6e],
] as const) {
  inst(name, {
    forms: [form([], op(opcode).repeats())],
    semantics: (s) => transfer(s, 8),
  });
  inst(name, {
    forms: [
      form(
        [],
        op(opcode + 1)
          .repeats()
          .sized(),
      ),
    ],
    semantics: (s) => transfer(s, portWidth(s)),
  });
}
