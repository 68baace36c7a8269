/** MMX instructions stand beside their SSE forms in isa/sse; EMMS in isa/x87/control.ts. */
export {};
