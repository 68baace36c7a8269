/**
 * vmlinux out of a bzImage, unpacked by the host's CPU: a guest that unpacks itself takes three times
 * as long to boot. Compressions that Linux is built with today: gzip, xz, lz4, zstd, none.
 * Left out: bzip2, lzma and lzo, whose kernels boot by the bzImage protocol instead.
 */
import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import type { bootProtocols } from '../../shared/vm/machineRequest.ts';
import { bzImagePayload, isBzImage, withPlainPayload } from '../firmware/bzImage.ts';
import { isElf, parseElf } from '../firmware/elf.ts';
import { detectKernel } from '../firmware/kernelImage.ts';
import { KernelImageError } from '../firmware/kernelImageError.ts';
import { pvhEntry } from '../firmware/pvh.ts';
import { lz4LegacyDecompress } from './lz4Legacy.ts';

/** 'auto' unpacks on the host and enters by PVH where the kernel can, else by its own protocol. */
type BootProtocol = (typeof bootProtocols)[number];

/** The image that `loadKernel` shall boot: the file's content, or the vmlinux inside it. */
export async function bootableKernel(
  file: Uint8Array,
  protocol: BootProtocol = 'auto',
  unpack = extractVmlinux,
): Promise<Uint8Array> {
  const { kind } = detectKernel(file);
  if (protocol === 'bzImage') {
    if (kind === 'bzImage') return file;
    throw new KernelImageError(
      'The kernel is an ELF file, which the bzImage protocol cannot boot.',
      'Leave the boot protocol at "auto".',
    );
  }
  if (kind === 'pvh') return file;
  let reason =
    kind === 'bzImage'
      ? 'cannot be unpacked on the host'
      : 'is a Multiboot kernel without a PVH entry';
  if (kind === 'bzImage') {
    // A failure to unpack is no failure to boot: the kernel can do it itself.
    const vmlinux = await unpack(file).catch((error: unknown) => {
      if (protocol === 'pvh') throw error;
      return undefined;
    });
    if (vmlinux !== undefined && isElf(vmlinux)) {
      if (pvhEntry(parseElf(vmlinux)) !== undefined) return vmlinux;
      if (protocol === 'auto') return withPlainPayload(file, vmlinux);
      reason = 'has no PVH entry';
    }
  }
  if (protocol === 'pvh')
    throw new KernelImageError(`The kernel ${reason}.`, 'Leave the boot protocol at "auto".');
  return file;
}

/**
 * The unpacked payload of a bzImage; undefined if it has none or its compression is not known. Throws if it is
 * damaged or has not the size that the build wrote at its end.
 */
export async function extractVmlinux(bzImage: Uint8Array): Promise<Uint8Array | undefined> {
  const payload = isBzImage(bzImage) ? bzImagePayload(bzImage) : undefined;
  if (payload === undefined) return undefined;
  if (isElf(payload)) return payload;
  const vmlinux = await unpack(payload);
  const size = Buffer.from(payload.subarray(-4)).readUInt32LE();
  if (vmlinux !== undefined && vmlinux.length !== size)
    throw new Error(`the kernel has ${vmlinux.length} bytes unpacked, but should have ${size}`);
  return vmlinux;
}

async function unpack(payload: Uint8Array): Promise<Uint8Array | undefined> {
  const magic = Buffer.from(payload.subarray(0, 6)).toString('hex');
  // Gzip's format ends with the unpacked size; to the others the build appends it in 4 bytes.
  const body = payload.subarray(0, payload.length - 4);
  if (magic.startsWith('1f8b')) return gunzipSync(payload);
  if (magic === 'fd377a585a00') {
    // Loaded here: the library takes time that machines with other kernels need not spend.
    const { xzDecompress } = await import('./xzDecompress.ts');
    return xzDecompress(body);
  }
  if (magic.startsWith('02214c18')) return lz4LegacyDecompress(body);
  if (magic.startsWith('28b52ffd')) return zstdDecompressSync(body);
  return undefined;
}
