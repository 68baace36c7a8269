/** Entry of the module: what the TypeScript side (vcpu/wasm) calls. */
export { run } from './interpreter';
export { codeChanged } from './blocks';
export * from './exports';
