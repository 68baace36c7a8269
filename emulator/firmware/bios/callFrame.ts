/** The registers of a caller, as the trap stub has pushed them (trapPorts.ts). */
import type { DmaMemory } from '../../bus/types.ts';
import { guestPhysical } from '../../bus/types.ts';
import { frameOffsets } from './trapPorts.ts';

const CARRY = 0x0001;
const ZERO = 0x0040;

export class CallFrame {
  readonly #memory: DmaMemory;
  /** Linear address of the frame, which is what a call is known by. */
  readonly address: number;

  constructor(memory: DmaMemory, stack: number) {
    this.#memory = memory;
    this.address = (stack >>> 16) * 16 + (stack & 0xffff);
  }

  get16(offset: number): number {
    return this.#memory.readU16(guestPhysical(this.address + offset));
  }
  set16(offset: number, value: number): void {
    this.#memory.writeU16(guestPhysical(this.address + offset), value & 0xffff);
  }
  get32(offset: number): number {
    return this.#memory.readU32(guestPhysical(this.address + offset));
  }
  set32(offset: number, value: number): void {
    this.#memory.writeU32(guestPhysical(this.address + offset), value >>> 0);
  }
  #get8(offset: number): number {
    return this.#memory.readU8(guestPhysical(this.address + offset));
  }
  #set8(offset: number, value: number): void {
    this.#memory.writeU8(guestPhysical(this.address + offset), value & 0xff);
  }

  get vector(): number {
    return this.get16(frameOffsets.vector);
  }
  get eax(): number {
    return this.get32(frameOffsets.eax);
  }
  set eax(value: number) {
    this.set32(frameOffsets.eax, value);
  }
  get ebx(): number {
    return this.get32(frameOffsets.ebx);
  }
  set ebx(value: number) {
    this.set32(frameOffsets.ebx, value);
  }
  get ecx(): number {
    return this.get32(frameOffsets.ecx);
  }
  set ecx(value: number) {
    this.set32(frameOffsets.ecx, value);
  }
  get edx(): number {
    return this.get32(frameOffsets.edx);
  }
  set edx(value: number) {
    this.set32(frameOffsets.edx, value);
  }
  get esi(): number {
    return this.get32(frameOffsets.esi);
  }
  set esi(value: number) {
    this.set32(frameOffsets.esi, value);
  }
  get edi(): number {
    return this.get32(frameOffsets.edi);
  }
  set edi(value: number) {
    this.set32(frameOffsets.edi, value);
  }
  get ax(): number {
    return this.get16(frameOffsets.eax);
  }
  set ax(value: number) {
    this.set16(frameOffsets.eax, value);
  }
  get bx(): number {
    return this.get16(frameOffsets.ebx);
  }
  set bx(value: number) {
    this.set16(frameOffsets.ebx, value);
  }
  get cx(): number {
    return this.get16(frameOffsets.ecx);
  }
  set cx(value: number) {
    this.set16(frameOffsets.ecx, value);
  }
  get dx(): number {
    return this.get16(frameOffsets.edx);
  }
  set dx(value: number) {
    this.set16(frameOffsets.edx, value);
  }
  get si(): number {
    return this.get16(frameOffsets.esi);
  }
  set si(value: number) {
    this.set16(frameOffsets.esi, value);
  }
  get di(): number {
    return this.get16(frameOffsets.edi);
  }
  set di(value: number) {
    this.set16(frameOffsets.edi, value);
  }
  get bp(): number {
    return this.get16(frameOffsets.ebp);
  }
  set bp(value: number) {
    this.set16(frameOffsets.ebp, value);
  }
  get ds(): number {
    return this.get16(frameOffsets.ds);
  }
  set ds(value: number) {
    this.set16(frameOffsets.ds, value);
  }
  get es(): number {
    return this.get16(frameOffsets.es);
  }
  set es(value: number) {
    this.set16(frameOffsets.es, value);
  }
  get ip(): number {
    return this.get16(frameOffsets.ip);
  }
  set ip(value: number) {
    this.set16(frameOffsets.ip, value);
  }
  get cs(): number {
    return this.get16(frameOffsets.cs);
  }
  set cs(value: number) {
    this.set16(frameOffsets.cs, value);
  }
  get flags(): number {
    return this.get16(frameOffsets.flags);
  }
  set flags(value: number) {
    this.set16(frameOffsets.flags, value);
  }
  get al(): number {
    return this.#get8(frameOffsets.eax);
  }
  set al(value: number) {
    this.#set8(frameOffsets.eax, value);
  }
  get ah(): number {
    return this.#get8(frameOffsets.eax + 1);
  }
  set ah(value: number) {
    this.#set8(frameOffsets.eax + 1, value);
  }
  get bl(): number {
    return this.#get8(frameOffsets.ebx);
  }
  set bl(value: number) {
    this.#set8(frameOffsets.ebx, value);
  }
  get bh(): number {
    return this.#get8(frameOffsets.ebx + 1);
  }
  set bh(value: number) {
    this.#set8(frameOffsets.ebx + 1, value);
  }
  get cl(): number {
    return this.#get8(frameOffsets.ecx);
  }
  set cl(value: number) {
    this.#set8(frameOffsets.ecx, value);
  }
  get ch(): number {
    return this.#get8(frameOffsets.ecx + 1);
  }
  set ch(value: number) {
    this.#set8(frameOffsets.ecx + 1, value);
  }
  get dl(): number {
    return this.#get8(frameOffsets.edx);
  }
  set dl(value: number) {
    this.#set8(frameOffsets.edx, value);
  }
  get dh(): number {
    return this.#get8(frameOffsets.edx + 1);
  }
  set dh(value: number) {
    this.#set8(frameOffsets.edx + 1, value);
  }

  set carry(on: boolean) {
    this.flags = on ? this.flags | CARRY : this.flags & ~CARRY;
  }
  set zero(on: boolean) {
    this.flags = on ? this.flags | ZERO : this.flags & ~ZERO;
  }
}

/** Linear address of segment:offset. */
export const linear = (segment: number, offset: number): number => segment * 16 + offset;
