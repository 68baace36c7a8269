/** How many drives a machine's controllers take. */

/** Two channels of two drives (PIIX3). */
export const ideDrives = 4;
/** Ports of the AHCI controller (ICH9). */
export const ahciPorts = 6;
/** Drives of the floppy controller. */
export const floppyDrives = 2;
