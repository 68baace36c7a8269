/** INT 15h: memory map and sizes, A20, block move, waits, APM 1.2, configuration. */
import type { BiosContext, Service, ServiceResult } from './biosContext.ts';
import { inb, outb } from './biosContext.ts';
import { bda, extendedDataSegment } from './biosData.ts';
import type { CallFrame } from './callFrame.ts';
import { linear } from './callFrame.ts';
import type { Pointer } from './pointer.ts';
import { systemRomSegment, type SystemRom } from './systemRom.ts';

const UNSUPPORTED = 0x86;
const MiB = 0x100000;
const SMAP = 0x534d4150;

export function systemService(context: BiosContext, rom: SystemRom, pointer: Pointer): Service {
  return (frame) => new SystemCall(context, rom, pointer, frame).run();
}

class SystemCall {
  readonly #context: BiosContext;
  readonly #rom: SystemRom;
  readonly #pointer: Pointer;
  readonly #frame: CallFrame;

  constructor(context: BiosContext, rom: SystemRom, pointer: Pointer, frame: CallFrame) {
    this.#context = context;
    this.#rom = rom;
    this.#pointer = pointer;
    this.#frame = frame;
  }

  #ok(): 'done' {
    this.#frame.carry = false;
    this.#frame.ah = 0;
    return 'done';
  }

  #fail(code: number): 'done' {
    this.#frame.carry = true;
    this.#frame.ah = code;
    return 'done';
  }

  run(): ServiceResult {
    const frame = this.#frame;
    switch (frame.ah) {
      case 0x24:
        return this.#a20();
      case 0x4f:
        // Key translation: nothing is translated, the key is processed.
        frame.carry = true;
        return 'done';
      case 0x53:
        return this.#apm();
      case 0x83:
        return this.#fail(UNSUPPORTED);
      case 0x86:
        return this.#wait();
      case 0x87:
        return this.#blockMove();
      case 0x88: {
        const kib = Math.floor(this.#ramBelow4GiB() / 1024);
        // 63 MiB is what 16-bit programs are told at most.
        frame.ax = Math.min(kib, 0xfc00);
        frame.carry = false;
        return 'done';
      }
      case 0x90:
      case 0x91:
        return this.#ok();
      case 0xc0:
        frame.es = systemRomSegment;
        frame.bx = this.#rom.configurationTable;
        return this.#ok();
      case 0xc1:
        frame.es = extendedDataSegment;
        frame.carry = false;
        return 'done';
      case 0xc2:
        return this.#pointer.service(frame);
      case 0xe8:
        if (frame.al === 0x20) return this.#memoryMap();
        if (frame.al === 0x01) return this.#memorySizes();
        if (frame.al === 0x81) return this.#memorySizes32();
        return this.#fail(UNSUPPORTED);
      default:
        return this.#fail(UNSUPPORTED);
    }
  }

  /** Bytes of RAM from 1 MiB up, without a hole. */
  #ramBelow4GiB(): number {
    return (
      this.#context.parts.memoryMap.find(({ start, type }) => start === MiB && type === 1)?.size ??
      0
    );
  }

  #a20(): 'done' {
    const frame = this.#frame;
    const port = inb(this.#context, 0x92);
    switch (frame.al) {
      case 0x00:
      case 0x01:
        outb(this.#context, 0x92, (port & ~3) | (frame.al << 1));
        return this.#ok();
      case 0x02:
        frame.al = (port >>> 1) & 1;
        return this.#ok();
      case 0x03:
        frame.bx = 0x0003;
        return this.#ok();
      default:
        return this.#fail(UNSUPPORTED);
    }
  }

  /**
   * AH=86h: CX:DX microseconds. The end is kept in the BIOS data area's wait fields, so that polls find it:
   * microseconds of machine time, modulo 2^32.
   */
  #wait(): ServiceResult {
    const frame = this.#frame;
    const { data, parts } = this.#context;
    const now = Math.floor(parts.clock.nowNs() / 1000) % 2 ** 32;
    if (data.get8(bda.waitActive) === 0) {
      data.set32(bda.waitCount, (now + frame.cx * 0x10000 + frame.dx) % 2 ** 32);
      data.set8(bda.waitActive, 1);
    }
    const left = (data.get32(bda.waitCount) - now) | 0;
    if (left > 0) {
      this.#context.wakeAt(parts.clock.nowNs() + left * 1000);
      return 'wait';
    }
    data.set8(bda.waitActive, 0);
    return this.#ok();
  }

  /** AH=87h: CX words between the descriptors at ES:SI + 10h and + 18h. */
  #blockMove(): 'done' {
    const frame = this.#frame;
    const { memory } = this.#context;
    const table = linear(frame.es, frame.si);
    const base = (at: number): number =>
      memory.read16(at + 2) + memory.read8(at + 4) * 0x10000 + memory.read8(at + 7) * 0x1000000;
    if (frame.cx > 0x8000) return this.#fail(0x02);
    memory.write(base(table + 0x18), memory.read(base(table + 0x10), frame.cx * 2));
    return this.#ok();
  }

  #memoryMap(): 'done' {
    const frame = this.#frame;
    const { memory, parts } = this.#context;
    const index = frame.ebx;
    const entry = parts.memoryMap[index];
    if (frame.edx !== SMAP || frame.ecx < 20 || entry === undefined) return this.#fail(UNSUPPORTED);
    const at = linear(frame.es, frame.di);
    memory.write32(at, entry.start % 2 ** 32);
    memory.write32(at + 4, Math.floor(entry.start / 2 ** 32));
    memory.write32(at + 8, entry.size % 2 ** 32);
    memory.write32(at + 12, Math.floor(entry.size / 2 ** 32));
    memory.write32(at + 16, entry.type);
    frame.eax = SMAP;
    frame.ecx = 20;
    frame.ebx = index + 1 < parts.memoryMap.length ? index + 1 : 0;
    frame.carry = false;
    return 'done';
  }

  /** KiB from 1 to 16 MiB, and units of 64 KiB above. */
  #sizes(): [number, number] {
    const ram = this.#ramBelow4GiB();
    const low = Math.min(ram, 15 * MiB);
    return [low / 1024, Math.floor((ram - low) / 0x10000)];
  }

  #memorySizes(): 'done' {
    const frame = this.#frame;
    const [low, high] = this.#sizes();
    [frame.ax, frame.bx, frame.cx, frame.dx] = [low, high, low, high];
    frame.carry = false;
    return 'done';
  }

  #memorySizes32(): 'done' {
    const frame = this.#frame;
    const [low, high] = this.#sizes();
    [frame.eax, frame.ebx, frame.ecx, frame.edx] = [low, high, low, high];
    frame.carry = false;
    return 'done';
  }

  /** APM BIOS Interface 1.2, §4.6: connect, power off; there is no battery and nothing to slow down. */
  #apm(): 'done' {
    const frame = this.#frame;
    const { protected16, protected32 } = this.#rom.apmEntries;
    switch (frame.al) {
      case 0x00:
        frame.ax = 0x0102;
        frame.bx = 0x504d; // "PM"
        frame.cx = 0x03; // 16 and 32-bit protected mode
        frame.carry = false;
        return 'done';
      case 0x02:
        frame.ax = systemRomSegment;
        frame.bx = protected16;
        frame.cx = systemRomSegment;
        frame.esi = 0xffff;
        frame.di = 0xffff;
        frame.carry = false;
        return 'done';
      case 0x03:
        frame.ax = systemRomSegment;
        frame.ebx = protected32;
        frame.cx = systemRomSegment;
        frame.dx = systemRomSegment;
        frame.esi = 0xffffffff;
        frame.di = 0xffff;
        frame.carry = false;
        return 'done';
      case 0x07:
        if (frame.cx === 3 && frame.bx <= 1) {
          const { port, value } = this.#context.parts.powerOff;
          this.#context.parts.ports.write(port, 2, value);
        }
        return this.#ok();
      case 0x0a:
        frame.bx = 0x01ff;
        frame.cx = 0x80ff;
        frame.dx = 0xffff;
        return this.#ok();
      case 0x0b:
        return this.#fail(0x80);
      case 0x0e:
        frame.ax = 0x0102;
        frame.carry = false;
        return 'done';
      case 0x01:
      case 0x04:
      case 0x05:
      case 0x06:
      case 0x08:
      case 0x0d:
      case 0x0f:
      case 0x10:
        return this.#ok();
      default:
        return this.#fail(0x09);
    }
  }
}
