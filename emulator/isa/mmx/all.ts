/** MMX instructions: import each file of this folder here. */
export {};
