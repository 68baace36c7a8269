/**
 * How a browser hands a file to the server: one POST to `uploadPath?name=…` with the file as its body, its size in
 * Content-Length and the server's token in Authorization. The answer is JSON: `{path}`, or a UserError's fields.
 */
import { z } from 'zod';

export const uploadPath = '/media';

/** The file's path on the server's machine. */
export const uploadAnswerSchema = z.object({ path: z.string() });
export const uploadErrorSchema = z.object({
  code: z.string(),
  message: z.string(),
  hint: z.string().optional(),
});
