/** Reads external firmware, and opens the file in which a VM keeps its UEFI variables. */
import { constants } from 'node:fs';
import { access, copyFile, realpath, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { UserError } from '../../shared/services/errors.ts';
import type { FirmwareRequest } from '../../shared/vm/machineRequest.ts';
import { openDisk } from '../block/file/fileDisk.ts';
import { flashBlockSize } from '../devices/legacy/cfiFlash.ts';
import type { ExternalFirmware } from '../machine/machine.ts';
import { readBootFile } from './bootFile.ts';

const KiB = 1024;
const smallest = 128 * KiB;
const largest = 16 * 1024 * KiB;
/** First byte at FFFFFFF0h: a jump, or the nop or mov before one. */
const resetInstructions = [0xea, 0xe9, 0xeb, 0x90, 0x0f, 0xfa, 0xf4, 0xbf];

export interface OpenFirmware {
  readonly firmware: ExternalFirmware;
  close(): Promise<void>;
}

/** Rejects with UserError or BlockError, and leaves nothing open then. */
export async function openFirmware(
  { code: path, template: named, variables }: FirmwareRequest,
  owner: string | undefined,
): Promise<OpenFirmware> {
  const code = await readBootFile('firmware', path);
  checkCode(code, path);
  const template = named ?? (isUefi(code) ? await templateBeside(path) : undefined);
  const noDisk = (): Promise<void> => Promise.resolve();
  if (variables === undefined || (template === undefined && !(await exists(variables)))) {
    // An image that holds both, such as OVMF.fd, runs as ROM and forgets its variables.
    if (template === undefined && isCodeOnly(path)) throw noTemplate(path);
    if (template === undefined) return { firmware: { code }, close: noDisk };
    const contents = await readBootFile('firmware variables', template);
    checkVariables(contents, template);
    return { firmware: { code, variables: { contents } }, close: noDisk };
  }
  await makeVariables(variables, template);
  const disk = await openDisk({ path: variables, format: 'raw', readOnly: false, owner });
  try {
    const contents = new Uint8Array(disk.size);
    if (disk.size <= largest) await disk.read(0, [contents]);
    checkVariables(contents, variables);
    return {
      firmware: {
        code,
        variables: { contents, store: { write: (offset, bytes) => disk.write(offset, [bytes]) } },
      },
      close: () => disk.close(),
    };
  } catch (error) {
    await disk.close();
    throw error;
  }
}

function checkCode(code: Uint8Array, path: string): void {
  const first = code[code.length - 16] ?? 0;
  const problem =
    code.length < smallest || code.length > largest || code.length % flashBlockSize !== 0
      ? `it has ${code.length} bytes; PC firmware has 128 KiB to 16 MiB in steps of 4 KiB`
      : !resetInstructions.includes(first)
        ? 'it has no code at the reset vector, 16 bytes before its end'
        : undefined;
  if (problem === undefined) return;
  throw new UserError({
    code: 'firmware-unusable',
    message: `The file ${path} is no PC firmware: ${problem}.`,
    hint: isUefi(code)
      ? 'Choose the file with the code, such as OVMF_CODE_4M.fd, not the one with the variables.'
      : 'Choose an image such as SeaBIOS’ bios-256k.bin or OVMF_CODE_4M.fd.',
  });
}

/** A firmware volume starts with a header that has a signature (UEFI PI 1.7, volume 3 §3.2.1). */
const isUefi = (bytes: Uint8Array): boolean =>
  String.fromCharCode(...bytes.subarray(40, 44)) === '_FVH';

/** As the two halves of OVMF are called everywhere. */
const isCodeOnly = (path: string): boolean => basename(path).includes('CODE');

function checkVariables(contents: Uint8Array, path: string): void {
  if (contents.length <= largest && contents.length % flashBlockSize === 0 && isUefi(contents))
    return;
  throw new UserError({
    code: 'firmware-variables-unusable',
    message: `The file ${path} holds no UEFI variables: it is no flash image with a variable store.`,
    hint: 'Choose the template that belongs to the firmware, such as OVMF_VARS_4M.fd.',
  });
}

/** OVMF_CODE_4M.secboot.fd → OVMF_VARS_4M.secboot.fd or OVMF_VARS_4M.fd in the same folder. */
async function templateBeside(path: string): Promise<string | undefined> {
  if (!isCodeOnly(path)) return undefined;
  const exact = basename(path).replace('CODE', 'VARS');
  for (const candidate of new Set([exact, exact.replace(/\..*(?=\.fd$)/, '')])) {
    const found = join(dirname(path), candidate);
    if (await exists(found)) return found;
  }
  return undefined;
}

const exists = (path: string): Promise<boolean> =>
  access(path, constants.F_OK).then(
    () => true,
    () => false,
  );

/** Copies the template where there are no variables yet. The template itself is never written. */
async function makeVariables(variables: string, template: string | undefined): Promise<void> {
  if (template === undefined) return;
  if (await exists(variables)) {
    if ((await realpath(variables)) !== (await realpath(template).catch(() => template))) return;
    throw new UserError({
      code: 'firmware-variables-template',
      message: `${variables} is the template of new VMs, which stays as it is.`,
      hint: 'Name a file of the VM’s own for its variables; it is made from the template.',
    });
  }
  const contents = await readBootFile('firmware variables', template);
  checkVariables(contents, template);
  const scratch = `${variables}.new`;
  try {
    await copyFile(template, scratch);
    await rename(scratch, variables);
  } catch (error) {
    await rm(scratch, { force: true });
    throw new UserError(
      {
        code: 'firmware-variables-unwritable',
        message: `The firmware's variables cannot be kept in ${variables}: ${(error as Error).message}.`,
        hint: 'Choose a folder that you may write.',
      },
      { cause: error },
    );
  }
}

const noTemplate = (path: string): UserError =>
  new UserError({
    code: 'firmware-variables-template',
    message: `There is no template for the variables of ${path} beside it.`,
    hint: 'Name one, such as OVMF_VARS_4M.fd, with template=FILE.',
  });
