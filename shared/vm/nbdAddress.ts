/** Whether what names a disk is the address of an NBD export instead of a file. */
export const isNbdAddress = (path: string): boolean => /^nbds?(?:\+unix)?:/i.test(path);
