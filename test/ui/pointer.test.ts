/** The pointer of the window in a guest that has a driver for the tablet: Linux with virtio_input. */
import { expect, test } from 'vitest';
import { busyboxInitramfs } from '../guests/busyboxInitramfs.ts';
import { debianKernel } from '../guests/debianKernel.ts';
import { describeWindow } from './describeWindow.ts';
import { Window } from './window.ts';

/** Prints each event of the tablet: type, code and value of struct input_event. */
const listen = `
handlers=$(grep -i -A6 'tablet' /proc/bus/input/devices | grep Handlers)
event=\${handlers##*event}
event=\${event%% *}
exec 3</dev/input/event$event
echo LISTENING
while true; do
  dd bs=24 count=1 <&3 2>/dev/null | od -An -v -t d2 -j 16 | sed 's/^/EVENT/'
done
`;
/** Linux' input-event-codes.h. */
const [evKey, evAbs, btnLeft, absX, absY] = [1, 3, 0x110, 0, 1];
const range = 32767;

describeWindow('the pointer', (parts) => {
  test('is in the guest where it is in the window, and clicks there', async () => {
    const kernel = await debianKernel('cloud-amd64');
    const initrd = await busyboxInitramfs(kernel, {
      ...{ script: listen, modules: ['virtio_pci', 'virtio_input', 'evdev'], unsigned: true },
    });
    await using window = await Window.open(parts.browser, parts.manager.url);
    const { page } = window;
    const console = 'console=ttyS0';
    await window.create({
      ...{ name: 'tablet', kernel: kernel.image, initrd, commandLine: console, memoryMiB: 256 },
    });
    await window.start();
    await window.waitForConsole(/^LISTENING/m, 240);
    await page.getByRole('tab', { name: 'Screen' }).click();
    await page.getByText('Right Ctrl alone or Ctrl+F6 leaves the screen').waitFor();
    const canvas = page.locator('canvas[aria-label="Screen of tablet"]');
    await expect.poll(async () => (await canvas.boundingBox())?.height ?? 0).toBeGreaterThan(100);
    const box = (await canvas.boundingBox())!;
    const point = { x: Math.round(box.x + box.width / 4), y: Math.round(box.y + box.height / 2) };
    await page.mouse.click(point.x, point.y);

    await page.getByRole('tab', { name: 'Console' }).click();
    await window.waitForConsole(new RegExp(`EVENT +${evKey} +${btnLeft} +0`), 60);
    const text = await window.consoleText();
    const last = (type: number, code: number): number => {
      const found = [...text.matchAll(/EVENT +(\d+) +(\d+) +(-?\d+)/g)];
      const matching = found.filter(([, t, c]) => Number(t) === type && Number(c) === code);
      return Number(matching.at(-1)?.[3]);
    };
    expect(text).toMatch(new RegExp(`EVENT +${evKey} +${btnLeft} +1`));
    expect(Math.abs(last(evAbs, absX) / range - (point.x - box.x) / box.width)).toBeLessThan(0.01);
    expect(Math.abs(last(evAbs, absY) / range - (point.y - box.y) / box.height)).toBeLessThan(0.01);
    await window.powerOff();
    await window.waitForState('tablet', 'Powered Off');
  });
});
