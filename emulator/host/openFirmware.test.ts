import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { openFirmware } from './openFirmware.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'firmware-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const KiB = 1024;

/** A ROM with a far jump at the reset vector. */
function rom(size: number, uefi = false): Uint8Array {
  const bytes = new Uint8Array(size);
  bytes.set([0xea, 0x5b, 0xe0, 0x00, 0xf0], size - 16);
  if (uefi) bytes.set(new TextEncoder().encode('_FVH'), 40);
  return bytes;
}
function variables(size = 128 * KiB): Uint8Array {
  const bytes = new Uint8Array(size).fill(0xff);
  bytes.set(new TextEncoder().encode('_FVH'), 40);
  return bytes;
}
async function file(name: string, bytes: Uint8Array): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, bytes);
  return path;
}

it('takes a BIOS without variables', async () => {
  const code = await file('bios.bin', rom(256 * KiB));
  const { firmware } = await openFirmware({ code }, undefined);
  expect(firmware.code.length).toBe(256 * KiB);
  expect(firmware.variables).toBeUndefined();
});

it('finds the template beside the code, and keeps the variables in a file of their own', async () => {
  const code = await file('OVMF_CODE_4M.secboot.fd', rom(512 * KiB, true));
  const template = await file('OVMF_VARS_4M.fd', variables());
  await chmod(template, 0o444);
  const own = join(folder, 'vm.fd');
  const first = await openFirmware({ code, variables: own }, 'one');
  const block = new Uint8Array(4096).fill(0x5a);
  await first.firmware.variables?.store?.write(4096, block);
  await expect(openFirmware({ code, variables: own }, 'two')).rejects.toThrow(/vm\.fd.*one/);
  await first.close();
  const second = await openFirmware({ code, variables: own }, undefined);
  expect(second.firmware.variables?.contents.subarray(4096, 8192)).toEqual(block);
  await second.close();
  expect(new Uint8Array(await readFile(template))).toEqual(variables());
});

it('forgets variables that nobody gave a file', async () => {
  const code = await file('OVMF_CODE.fd', rom(512 * KiB, true));
  await file('OVMF_VARS.fd', variables());
  const { firmware } = await openFirmware({ code }, undefined);
  expect(firmware.variables?.contents.length).toBe(128 * KiB);
  expect(firmware.variables?.store).toBeUndefined();
});

it('never writes the template', async () => {
  const code = await file('OVMF_CODE.fd', rom(512 * KiB, true));
  const template = await file('OVMF_VARS.fd', variables());
  await expect(openFirmware({ code, variables: template }, undefined)).rejects.toMatchObject({
    code: 'firmware-variables-template',
    message: expect.stringContaining(template),
  });
});

it('says what is wrong with a file that is no firmware', async () => {
  const wrong: [name: string, bytes: Uint8Array, words: RegExp][] = [
    ['short.bin', rom(64 * KiB), /short\.bin is no PC firmware: it has 65536 bytes/],
    ['odd.bin', rom(256 * KiB + 512), /in steps of 4 KiB/],
    ['text.bin', new Uint8Array(256 * KiB).fill(0x20), /no code at the reset vector/],
    ['OVMF_VARS.fd', variables(), /OVMF_VARS\.fd is no PC firmware.*reset vector/],
  ];
  for (const [name, bytes, words] of wrong)
    await expect(openFirmware({ code: await file(name, bytes) }, undefined)).rejects.toThrow(words);
  await expect(openFirmware({ code: join(folder, 'none.fd') }, undefined)).rejects.toThrow(
    /firmware file .*none\.fd does not exist/,
  );
});

it('says that there is no template, or that it holds no variables', async () => {
  const code = await file('OVMF_CODE.fd', rom(512 * KiB, true));
  await expect(openFirmware({ code }, undefined)).rejects.toThrow(/no template.*OVMF_CODE\.fd/);
  const template = await file('notes.txt', new Uint8Array(4096));
  await expect(openFirmware({ code, template }, undefined)).rejects.toThrow(
    /notes\.txt holds no UEFI variables/,
  );
});
