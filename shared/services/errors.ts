/**
 * An error for a person: what happened, why, what to do. It crosses every transport unchanged
 * (name, code, message, hint survive; stacks do not).
 */
export interface UserErrorShape {
  readonly code: string;
  /** One sentence that names the thing: "The kernel file /x/y does not exist." */
  readonly message: string;
  /** The way out, one sentence: "Choose another file in Settings › System." */
  readonly hint?: string;
  /** With code 'disk-not-allowed': what would have to be allowed. */
  readonly wanted?: WantedFolder;
}
/** An image that a disk builds on lies where the user has not allowed images yet. */
export interface WantedFolder {
  /** The disk's path or address, as the VM has it. */
  readonly disk: string;
  /** The folder, or NBD server, to be added to the disk's allowed ones. */
  readonly folder: string;
}
export class UserError extends Error {
  override name = 'UserError';
  readonly code: string;
  readonly hint: string | undefined;
  readonly wanted: WantedFolder | undefined;
  constructor(shape: UserErrorShape, options?: ErrorOptions) {
    super(shape.message, options);
    this.code = shape.code;
    this.hint = shape.hint;
    this.wanted = shape.wanted;
  }
}
