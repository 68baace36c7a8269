/** Entry of the module: what the TypeScript side (vcpu/wasm) calls. */
export { run, runExactly } from './interpreter';
export { codeChanged } from './blocks';
export * from './exports';
export { segmentLinear } from './addressing';
export { blockAt, dropAllCode } from './blocks';
export { raise, raiseWithCode } from './exceptions';
export { probeWrite } from './memory';
export * from './generated/helperExports';
export {
  codeStillAt,
  countHeatIndex,
  enterRegionIndex,
  handlerDoneIndex,
  handlerIndex,
  interpretInstead,
  readForWriteFromRegion,
  readFromRegion,
  readStack,
  readV128FromRegion,
  settleFlags,
  slotsAddress,
  storeLazyFlags,
  writeFromRegion,
  writeStack,
  writeV128FromRegion,
} from './regions';
export { mulHighS64, mulHighU64 } from './wide';
