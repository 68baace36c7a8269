// Runs a Multiboot kernel in v86 with COM1 on stdout: `node v86Runner.ts KERNEL`. A rival, for the bench only.
import { readFileSync } from 'node:fs';
import { V86 } from 'v86';

const view = (file: string): { buffer: ArrayBuffer } => {
  const bytes = readFileSync(file);
  return { buffer: bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) };
};
const emulator = new V86({
  wasm_path: new URL('../../node_modules/v86/build/v86.wasm', import.meta.url).pathname,
  bios: view('/usr/share/seabios/bios.bin'),
  multiboot: view(process.argv[2] ?? ''),
  memory_size: 128 * 1024 * 1024,
  vga_memory_size: 2 * 1024 * 1024,
  autostart: true,
  disable_keyboard: true,
  disable_mouse: true,
  disable_speaker: true,
  ...(process.argv.includes('--interpreter') ? { disable_jit: true } : {}),
});
let line = '';
emulator.add_listener('serial0-output-byte', (byte: number) => {
  line += String.fromCharCode(byte);
  if (byte !== 10) return;
  process.stdout.write(line);
  if (line.startsWith('done E')) process.exit(0);
  line = '';
});
