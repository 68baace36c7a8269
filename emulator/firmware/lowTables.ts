/** The tables that systems look for between F0000h and FFFFFh by a signature at a multiple of 16. */
import type { AcpiPlatform } from './acpi/platform.ts';
import { mpConfiguration, mpPointer } from './mpTable.ts';
import { pirTable } from './pirTable.ts';
import { buildSmbios, smbios2Anchor, smbios3Anchor, type SmbiosMachine } from './smbios.ts';

export interface LowTablesMachine extends SmbiosMachine {
  readonly platform: AcpiPlatform;
  readonly cpu: { readonly signature: number; readonly features: number };
}

/** SMBIOS, MP and $PIR tables as they lie at `base`, a multiple of 16. */
export function buildLowTables(machine: LowTablesMachine, base: number): Uint8Array {
  const parts: Uint8Array[] = [];
  let size = 0;
  const place = (bytes: Uint8Array): number => {
    const at = size;
    parts.push(bytes, new Uint8Array(-bytes.length & 15));
    size += (bytes.length + 15) & ~15;
    return base + at;
  };
  const smbios = buildSmbios(machine);
  const structures = place(smbios.structures);
  place(smbios2Anchor(smbios, structures));
  place(smbios3Anchor(smbios, structures));
  place(mpPointer(place(mpConfiguration(machine.platform, machine.cpu))));
  place(
    pirTable(
      machine.platform,
      Array.from({ length: 31 }, (_, i) => i + 1),
    ),
  );
  const all = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
