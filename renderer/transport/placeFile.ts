import { uploadAnswerSchema, uploadErrorSchema, uploadPath } from '../../shared/rpc/uploads.ts';
import { UserError } from '../../shared/services/errors.ts';
import { storedToken } from './token.ts';

export interface PlacingOptions {
  readonly signal: AbortSignal;
  /** Called with the bytes that have arrived so far. */
  progress(sent: number): void;
}

/**
 * The path of a file, which the person dropped or chose in the window, on the manager's machine. The desktop app knows
 * it; a browser sends the file to the server. Rejects with UserError, code 'aborted' when the signal ended it.
 */
export async function placeFile(file: File, options: PlacingOptions): Promise<string> {
  const path = globalThis.guesthouse?.pathOf?.(file);
  return path === undefined || path === '' ? upload(file, options) : path;
}

/** fetch cannot tell how much has been sent. */
function upload(file: File, { signal, progress }: PlacingOptions): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const fail = (code: string): void => reject(failure(code, request));
    request.open('POST', `${uploadPath}?name=${encodeURIComponent(file.name)}`);
    request.setRequestHeader('Authorization', `Bearer ${storedToken(window) ?? ''}`);
    request.upload.onprogress = ({ loaded }) => progress(loaded);
    request.onload = () => {
      const answer = uploadAnswerSchema.safeParse(parsed(request.responseText));
      if (request.status === 200 && answer.success) resolve(answer.data.path);
      else fail('upload-refused');
    };
    request.onerror = () => fail('disconnected');
    request.onabort = () => fail('aborted');
    signal.addEventListener('abort', () => request.abort(), { once: true });
    if (signal.aborted) return fail('aborted');
    request.send(file);
  });
}

function failure(code: string, request: XMLHttpRequest): UserError {
  const told = uploadErrorSchema.safeParse(parsed(request.responseText));
  if (!told.success) return new UserError({ code, message: request.responseText });
  const { hint, ...rest } = told.data;
  return new UserError({ ...rest, ...(hint === undefined ? {} : { hint }) });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
