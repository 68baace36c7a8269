// Boots Linux in v86 with COM1 on stdout: `node v86GuestRunner.ts KERNEL INITRD COMMANDLINE MIB`. A rival, for the bench only.
import { readFileSync } from 'node:fs';
import { V86 } from 'v86';
import { doneMarker } from '../guests/busyboxInitramfs.ts';

const view = (file: string): { buffer: ArrayBuffer } => {
  const bytes = readFileSync(file);
  return { buffer: bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) };
};
const [kernel = '', initrd = '', cmdline = '', memoryMiB = '256'] = process.argv.slice(2);
const emulator = new V86({
  wasm_path: new URL('../../node_modules/v86/build/v86.wasm', import.meta.url).pathname,
  bios: view('/usr/share/seabios/bios.bin'),
  vga_bios: view('/usr/share/seabios/vgabios-stdvga.bin'),
  bzimage: view(kernel),
  initrd: view(initrd),
  cmdline,
  memory_size: Number(memoryMiB) * 1024 * 1024,
  vga_memory_size: 8 * 1024 * 1024,
  autostart: true,
  disable_speaker: true,
});
let line = '';
emulator.add_listener('serial0-output-byte', (byte: number) => {
  line += String.fromCharCode(byte);
  if (byte !== 10) return;
  process.stdout.write(line);
  if (line.startsWith(doneMarker)) process.exit(0);
  line = '';
});
