import { describe, expect, it } from 'vitest';
import { CountedClock, HostClock } from './clock.ts';

describe('HostClock', () => {
  it('stands still until it runs, and while it is paused', () => {
    let host = 5000;
    const clock = new HostClock(
      () => host,
      () => 0,
    );
    host += 100;
    expect(clock.nowNs()).toBe(0);
    clock.run(true);
    host += 100;
    expect(clock.nowNs()).toBe(100);
    clock.run(false);
    host += 1e9;
    expect(clock.nowNs()).toBe(100);
    clock.run(true);
    host += 1;
    expect(clock.nowNs()).toBe(101);
  });

  it('goes on from a loaded time', () => {
    let host = 7;
    const clock = new HostClock(
      () => host,
      () => 0,
    );
    clock.setNs(1_000_000);
    clock.run(true);
    host += 3;
    expect(clock.nowNs()).toBe(1_000_003);
  });
});

describe('timers', () => {
  it('fire once when due, in the order of their deadlines', () => {
    let instructions = 0;
    const clock = new CountedClock(() => instructions, 0, 1);
    const fired: string[] = [];
    const a = clock.timer(() => fired.push('a'));
    const b = clock.timer(() => fired.push('b'));
    a.arm(20);
    b.arm(10);
    expect(clock.nextDeadlineNs()).toBe(10);
    clock.poll();
    instructions = 30;
    clock.poll();
    clock.poll();
    expect(fired).toEqual(['b', 'a']);
    expect(clock.nextDeadlineNs()).toBe(Infinity);
  });

  it('can be moved and cancelled, also by one that fires before', () => {
    let instructions = 0;
    const clock = new CountedClock(() => instructions, 0, 1);
    const fired: string[] = [];
    const later = clock.timer(() => fired.push('later'));
    const first = clock.timer(() => {
      fired.push('first');
      later.cancel();
    });
    first.arm(5);
    later.arm(6);
    instructions = 10;
    clock.poll();
    expect(fired).toEqual(['first']);
    expect(later.deadlineNs).toBeUndefined();
  });

  it('tell the machine when one is armed', () => {
    const clock = new CountedClock(() => 0, 0);
    const armed: number[] = [];
    clock.onArmed = (at) => armed.push(at);
    clock.timer(() => undefined).arm(42);
    expect(armed).toEqual([42]);
  });
});

describe('CountedClock', () => {
  it('advances with instructions, jumps on demand, and carries the wall clock along', () => {
    let instructions = 1000;
    const clock = new CountedClock(() => instructions, 5_000, 10);
    clock.setNs(0, 5_000);
    instructions += 100;
    expect(clock.nowNs()).toBe(1000);
    clock.skipTo(2_000_000);
    clock.skipTo(1);
    expect(clock.nowNs()).toBe(2_000_000);
    expect(clock.wallMs()).toBe(5_002);
  });
});
