import { UserError } from '../../shared/services/errors.ts';

/** A kernel or initrd that cannot be booted; the message says what was found instead. */
export class KernelImageError extends UserError {
  override name = 'KernelImageError';
  constructor(message: string, hint: string, options?: ErrorOptions) {
    super({ code: 'kernel-image', message, hint }, options);
  }
}
