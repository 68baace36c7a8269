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
}
export class UserError extends Error {
  override name = 'UserError';
  readonly code: string;
  readonly hint: string | undefined;
  constructor(shape: UserErrorShape, options?: ErrorOptions) {
    super(shape.message, options);
    this.code = shape.code;
    this.hint = shape.hint;
  }
}
