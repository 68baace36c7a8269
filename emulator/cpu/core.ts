/** Entry of the module: what the TypeScript side (vcpu/wasm) calls. Owners of files add their exports. */
export { run } from './interpreter';
export { codeChanged, resetBlocks } from './blocks';
