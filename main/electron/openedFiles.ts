/** Files that the system opens with the app: by its menu entry or associations, on Linux also as addresses. */
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** No more than this at once. */
const most = 64;

/**
 * The files among a command line's arguments, as absolute paths. `own`: how many arguments at the start are the program's
 * (and, unpackaged, the app's folder); switches are Chromium's.
 */
export function openedFiles(args: readonly string[], workingFolder: string, own: number): string[] {
  return args
    .slice(own)
    .filter((argument) => argument !== '' && !argument.startsWith('-'))
    .map((argument) => filePath(argument, workingFolder))
    .filter((file) => file !== undefined)
    .slice(0, most);
}

function filePath(argument: string, workingFolder: string): string | undefined {
  if (/^file:/i.test(argument)) {
    try {
      return fileURLToPath(argument);
    } catch {
      return undefined;
    }
  }
  // Other addresses are nothing that we open; a drive letter is no scheme.
  if (/^[a-z][a-z\d+.-]+:/i.test(argument)) return undefined;
  return path.resolve(workingFolder, argument);
}
