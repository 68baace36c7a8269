import { beforeEach, describe, expect, test } from 'vitest';
import type { CharacterBackend, CharacterReceiver } from '../../backends/character.ts';
import { PciDriver } from './testing/pciDriver.ts';
import { VirtioConsole } from './virtioConsole.ts';

// virtio 1.2 §5.3.6.2
const [DEVICE_READY, PORT_ADD, PORT_READY, CONSOLE_PORT, PORT_OPEN, PORT_NAME] = [0, 1, 3, 4, 6, 7];
const MULTIPORT = 1n << 1n;

class Pipe implements CharacterBackend {
  output = '';
  resumed = 0;
  receiver: CharacterReceiver | undefined;
  write(bytes: Uint8Array): void {
    this.output += new TextDecoder().decode(bytes);
  }
  connect(receiver: CharacterReceiver): void {
    this.receiver = receiver;
  }
  resumeInput(): void {
    this.resumed++;
  }
  send(text: string): number {
    return this.receiver?.receive(new TextEncoder().encode(text)) ?? -1;
  }
}

let pipes: [Pipe, Pipe];
let driver: PciDriver;
const build = () =>
  new VirtioConsole({
    ports: [
      { name: 'console', backend: pipes[0] },
      { name: 'org.guesthouse.agent', backend: pipes[1] },
    ],
  });
beforeEach(() => {
  pipes = [new Pipe(), new Pipe()];
  driver = new PciDriver(build());
});

const control = (id: number, event: number, value: number) => {
  const view = new DataView(new ArrayBuffer(8));
  view.setUint32(0, id, true);
  view.setUint16(4, event, true);
  view.setUint16(6, value, true);
  driver.put(0x9000, new Uint8Array(view.buffer));
  driver.queue(3).add([{ address: 0x9000, length: 8 }]);
  driver.notify(3);
};
/** Control messages that the device has sent into buffers at 0xa000 + 64 n. */
const offerControl = (count: number) => {
  for (let i = 0; i < count; i++)
    driver.queue(2).add([{ address: 0xa000 + 64 * i, length: 64, write: true }]);
  driver.notify(2);
};
const controlMessages = () =>
  driver
    .queue(2)
    .take()
    .map(({ written }, i) => {
      const view = new DataView(driver.get(0xa000 + 64 * i, 64).buffer);
      return {
        id: view.getUint32(0, true),
        event: view.getUint16(4, true),
        name: new TextDecoder().decode(new Uint8Array(view.buffer, 8, written - 8)),
      };
    });

describe('a virtio console', () => {
  test('introduces its ports to the driver, once there are buffers', () => {
    driver.start();
    control(0xffffffff, DEVICE_READY, 1);
    offerControl(2);
    expect(controlMessages()).toEqual([
      { id: 0, event: PORT_ADD, name: '' },
      { id: 1, event: PORT_ADD, name: '' },
    ]);
    control(0, PORT_READY, 1);
    control(1, PORT_READY, 1);
    const saved = structuredClone(driver.fn.save());
    offerControl(4);
    expect(controlMessages().map(({ id, event, name }) => [id, event, name])).toEqual([
      [0, CONSOLE_PORT, ''],
      [0, PORT_OPEN, ''],
      [1, PORT_NAME, 'org.guesthouse.agent'],
      [1, PORT_OPEN, ''],
    ]);
    // The messages that waited are in the saved state.
    const second = new PciDriver(build());
    second.fn.load(saved);
    expect(second.fn.save()).toEqual(saved);
  });

  test('carries bytes both ways on every port', () => {
    driver.start();
    control(1, PORT_OPEN, 1);
    expect(pipes[1].resumed).toBeGreaterThan(0);
    driver.put(0x8000, new TextEncoder().encode('hello'));
    driver.queue(5).add([{ address: 0x8000, length: 5 }]);
    driver.notify(5);
    expect(pipes.map((p) => p.output)).toEqual(['', 'hello']);
    driver.queue(4).add([{ address: 0xb000, length: 3, write: true }]);
    driver.queue(4).add([{ address: 0xb100, length: 3, write: true }]);
    driver.notify(4);
    expect(pipes[1].send('abcdefgh')).toBe(6);
    expect(new TextDecoder().decode(driver.get(0xb000, 3))).toBe('abc');
    expect(new TextDecoder().decode(driver.get(0xb100, 3))).toBe('def');
    expect(pipes[1].send('gh')).toBe(0);
  });

  test('keeps the host waiting while the guest has a port closed', () => {
    driver.start();
    driver.queue(0).add([{ address: 0xb000, length: 8, write: true }]);
    driver.notify(0);
    expect(pipes[0].send('x')).toBe(0);
    control(0, PORT_OPEN, 1);
    expect(pipes[0].send('x')).toBe(1);
    expect(driver.messages).toContain(0x41);
  });

  test('is a plain console for a driver without multiport', () => {
    driver.start(MULTIPORT);
    driver.put(0x8000, new TextEncoder().encode('boot'));
    driver.queue(1).add([{ address: 0x8000, length: 4 }]);
    driver.notify(1);
    driver.queue(0).add([{ address: 0xb000, length: 8, write: true }]);
    driver.notify(0);
    expect(pipes[0].output).toBe('boot');
    expect(pipes[0].resumed).toBeGreaterThan(0);
    expect(pipes[0].send('x')).toBe(1);
  });

  test('takes emergency writes before any queue is set up', () => {
    driver.probe();
    driver.negotiate(driver.offered());
    driver.setDeviceConfig(8, 4, 0x21);
    expect(pipes[0].output).toBe('!');
  });

  test('does not hoard messages for a driver that never takes them', () => {
    driver.start();
    for (let i = 0; i < 1000; i++) {
      control(0, PORT_READY, 1);
      driver.queue(3).take();
    }
    const { device } = driver.fn.save().data;
    expect((device.data as { messages: unknown[] }).messages.length).toBeLessThan(100);
  });
});
