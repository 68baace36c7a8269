import { UserError } from '../../shared/services/errors.ts';

/**
 * A kernel or initrd that cannot be booted; the message says what was found instead. It comes from
 * bytes: one that begins with "The file", "The kernel" or "The Multiboot kernel" gets the file's
 * name from who read the file.
 */
export class KernelImageError extends UserError {
  override name = 'KernelImageError';
  constructor(message: string, hint: string, options?: ErrorOptions) {
    super({ code: 'kernel-image', message, hint }, options);
  }
}
