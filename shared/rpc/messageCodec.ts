import { Decoder, Encoder } from '@msgpack/msgpack';

/** Messages as bytes (MessagePack): what WebSocket and local sockets carry. Binary stays binary. */
const limits = { maxStrLength: 16 << 20, maxBinLength: 64 << 20, maxArrayLength: 1 << 20 };

export function encodeMessage(message: unknown): Uint8Array<ArrayBuffer> {
  return new Encoder({ ignoreUndefined: true }).encode(message);
}

/** Throws on bytes that are not one message. Binary parts of the result are views of `bytes`. */
export function decodeMessage(bytes: Uint8Array): unknown {
  return new Decoder(limits).decode(bytes);
}
