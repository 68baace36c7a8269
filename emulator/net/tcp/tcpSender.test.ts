/** The sender on a line with a peer that reassembles and acknowledges selectively, in time that the test lets pass. */
import { describe, expect, it } from 'vitest';
import { seqAdd, seqDiff, TcpSegment } from '../packet/tcpSegment.ts';
import { TcpReassembly } from './tcpReassembly.ts';
import { TcpSender } from './tcpSender.ts';

const mss = 1000;
const first = 0xffff_f000;
const oneWayMs = 10;

interface Packet {
  readonly sequence: number;
  readonly length: number;
  /** 1 for the first of all. */
  readonly count: number;
  readonly sentMs: number;
}

class Line {
  nowMs = 0;
  sent = 0;
  received = 0;
  duplicates = 0;
  /** The time that passed when the last byte was acknowledged. */
  doneMs = 0;
  sack = true;
  /** ms that a packet is late; undefined if it never arrives. */
  fate: (packet: Packet) => number | undefined = () => 0;
  readonly sender: TcpSender;
  #next = first;
  readonly #reassembly = new TcpReassembly();
  readonly #events: { readonly atMs: number; readonly run: () => void }[] = [];

  constructor(sack = true) {
    this.sack = sack;
    this.sender = new TcpSender(first, {
      nowMs: () => this.nowMs,
      transmit: (sequence, _offset, length) => {
        for (let at = 0; at < length; at += mss)
          this.#transmit(seqAdd(sequence, at), Math.min(mss, length - at));
        return true;
      },
    });
    this.sender.open(mss, 4 * mss);
    this.sender.sackEnabled = sack;
    this.sender.window = 1 << 20;
  }

  #at(atMs: number, run: () => void): void {
    this.#events.push({ atMs, run });
  }

  #transmit(sequence: number, length: number): void {
    const packet = { sequence, length, count: ++this.sent, sentMs: this.nowMs };
    const late = this.fate(packet);
    if (late !== undefined) this.#at(this.nowMs + oneWayMs + late, () => this.#arrive(packet));
  }

  #arrive({ sequence, length }: Packet): void {
    const offset = seqDiff(sequence, this.#next);
    if (offset < 0) {
      this.duplicates++;
      this.#reassembly.repeat(sequence, seqAdd(sequence, length));
    } else if (offset > 0) this.#reassembly.add(sequence, new Uint8Array(length));
    else {
      this.#next = seqAdd(this.#next, length);
      for (const piece of this.#reassembly.take(this.#next))
        this.#next = seqAdd(this.#next, piece.length);
    }
    const segment = new TcpSegment();
    segment.acknowledgement = this.#next;
    if (this.sack)
      for (const [start, end] of this.#reassembly.report()) {
        segment.sack.set([start, end], 2 * segment.sackCount);
        segment.sackCount++;
      }
    this.#at(this.nowMs + oneWayMs, () => {
      this.sender.acknowledge(segment, true);
      this.sender.output();
    });
  }

  /** Sends so many bytes and lets time pass until they are acknowledged. */
  transfer(bytes: number): void {
    this.sender.queue.push(new Uint8Array(bytes));
    this.sender.output();
    while (this.sender.inFlight > 0) {
      const event = this.#events.sort((a, b) => a.atMs - b.atMs)[0];
      const timer = this.sender.nextDeadline() ?? Infinity;
      if (event !== undefined && event.atMs <= timer) {
        this.#events.shift();
        this.nowMs = event.atMs;
        event.run();
      } else {
        this.nowMs = Math.max(this.nowMs, timer);
        this.sender.timerFired();
        this.sender.output();
      }
      if (this.nowMs > 600_000) throw new Error('it never ends');
    }
    this.doneMs = this.nowMs;
  }

  /** Until the round trip is known. */
  warmUp(): this {
    this.transfer(20 * mss);
    this.nowMs += 1000;
    this.sent = 0;
    return this;
  }

  timed(bytes: number): number {
    const start = this.nowMs;
    this.transfer(bytes);
    return this.nowMs - start;
  }
}

/** The same numbers in every run. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

describe('a sender', () => {
  it('sends a lost segment again within a round trip, and nothing else', () => {
    const line = new Line().warmUp();
    line.fate = ({ count }) => (count === 3 ? undefined : 0);
    const took = line.timed(20 * mss);
    expect(line.sent).toBe(21);
    expect(took).toBeLessThan(3 * 2 * oneWayMs);
  });

  it('notices that a retransmission was lost, without a timeout', () => {
    const line = new Line().warmUp();
    const lost = new Map<number, number>();
    line.fate = ({ sequence, count }) => {
      const times = lost.get(sequence) ?? 0;
      if ((count === 3 || times > 0) && times < 3) {
        lost.set(sequence, times + 1);
        return undefined;
      }
      return 0;
    };
    const took = line.timed(400 * mss);
    expect(line.sender.timeouts).toBe(0);
    expect(line.sent).toBe(403);
    expect(took).toBeLessThan(300);
  });

  it('repairs the end of what it sends by a probe, not by a timeout', () => {
    const line = new Line().warmUp();
    line.fate = ({ count }) => (count > 8 && count <= 10 ? undefined : 0);
    expect(line.timed(10 * mss)).toBeLessThan(5 * 2 * oneWayMs + 1);
  });

  it('learns how far things come out of order', () => {
    const line = new Line().warmUp();
    const chance = random(7);
    line.fate = () => (chance() < 0.05 ? 5 : 0);
    line.transfer(2_000 * mss);
    line.sent = 0;
    const before = line.duplicates;
    line.transfer(2_000 * mss);
    expect(line.duplicates - before).toBeLessThan(10);
    expect(line.sent).toBeLessThan(2_010);
  });

  it('keeps its window where one in fifty is lost and as many come out of order', () => {
    const line = new Line().warmUp();
    const chance = random(1);
    line.fate = () => (chance() < 0.02 ? undefined : chance() < 0.02 ? 3 : 0);
    const took = line.timed(20_000 * mss);
    // A window of 1 MiB stands until what was lost in it has been sent again: three round trips each.
    expect(took).toBeLessThan(3 * 20 * 20);
    expect(line.sent).toBeLessThan(20_000 * 1.03);
  });

  it('gives way where much is lost', () => {
    const line = new Line().warmUp();
    let inRound = 0;
    let round = 0;
    // No more than 50 segments in 20 ms.
    line.fate = ({ sentMs }) => {
      if (sentMs - round >= 20) [round, inRound] = [sentMs, 0];
      return ++inRound > 50 ? undefined : 0;
    };
    line.transfer(5_000 * mss);
    expect(line.sender.congestion.size).toBeLessThan(100 * mss);
    expect(line.sent).toBeLessThan(6_500);
  });

  it('finds what a peer without SACK lacks', () => {
    const line = new Line(false).warmUp();
    line.fate = ({ count }) => (count === 5 || count === 9 ? undefined : 0);
    const took = line.timed(60 * mss);
    expect(line.sender.timeouts).toBe(0);
    expect(line.sent).toBe(62);
    expect(took).toBeLessThan(200);
  });

  it('goes on after a time in which nothing arrives', () => {
    const line = new Line().warmUp();
    const start = line.nowMs;
    line.fate = ({ sentMs }) => (sentMs - start < 3000 ? undefined : 0);
    expect(line.timed(200 * mss)).toBeLessThan(8000);
  });
});
