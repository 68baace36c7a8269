/** x87 instructions: import each file of this folder here. */
export {};
