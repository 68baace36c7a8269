/**
 * Ports that only emulators have, as Bochs and QEMU define them: 0xe9 prints a byte and reads
 * back 0xe9; 0xf4 (isa-debug-exit) ends the machine with the value written.
 */
import type { CharacterBackend } from '../../backends/character.ts';
import type { IoRegion } from '../../bus/types.ts';

export function debugConsoleRegion(backend: CharacterBackend): IoRegion {
  return {
    read: () => 0xe9,
    write: (_offset, width, value) => {
      const bytes = new Uint8Array(width);
      for (let i = 0; i < width; i++) bytes[i] = (value >>> (8 * i)) & 0xff;
      backend.write(bytes);
    },
  };
}

export function debugExitRegion(exit: (value: number) => void): IoRegion {
  return { read: () => 0, write: (_offset, _width, value) => exit(value >>> 0) };
}
