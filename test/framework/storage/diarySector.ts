/**
 * A boot sector that keeps a diary: each byte from the serial port raises a count in memory, goes with it into the disk's
 * second sector, and comes back when it is there. So what disk and memory of a snapshot have to say is known.
 */

/** 16-bit code at 7C00h. */
const code = [
  ...[0x31, 0xc0], // xor ax, ax
  ...[0x8e, 0xd8], // mov ds, ax
  ...[0x8e, 0xc0], // mov es, ax
  ...[0x8e, 0xd0], // mov ss, ax
  ...[0xbc, 0x00, 0x7c], // mov sp, 7C00h
  ...[0xa3, 0x00, 0x06], // mov [0600h], ax
  ...[0xb0, 0x2e], // mov al, '.'
  ...[0xba, 0xf8, 0x03], // mov dx, 3F8h
  0xee, // out dx, al
  // wait: a tick of the timer at a time
  ...[0xba, 0xfd, 0x03], // mov dx, 3FDh
  0xec, // in al, dx
  ...[0xa8, 0x01], // test al, 1
  ...[0x75, 0x04], // jnz got
  0xfb, // sti
  0xf4, // hlt
  ...[0xeb, 0xf4], // jmp wait
  // got:
  ...[0xba, 0xf8, 0x03], // mov dx, 3F8h
  0xec, // in al, dx
  ...[0xff, 0x06, 0x00, 0x06], // inc word [0600h]
  ...[0xa2, 0x00, 0x7e], // mov [7E00h], al
  ...[0x8b, 0x1e, 0x00, 0x06], // mov bx, [0600h]
  ...[0x89, 0x1e, 0x01, 0x7e], // mov [7E01h], bx
  0x50, // push ax
  ...[0xb8, 0x01, 0x03], // mov ax, 0301h: write a sector
  ...[0xbb, 0x00, 0x7e], // mov bx, 7E00h
  ...[0xb9, 0x02, 0x00], // mov cx, 2: cylinder 0, sector 2
  ...[0xba, 0x80, 0x00], // mov dx, 80h: head 0, first disk
  ...[0xcd, 0x13], // int 13h
  0x58, // pop ax
  ...[0xba, 0xf8, 0x03], // mov dx, 3F8h
  0xee, // out dx, al
  ...[0xeb, 0xcb], // jmp wait
];

/** A disk of `size` bytes that boots it; "." comes when it listens. */
export function diaryDisk(size: number): Uint8Array {
  const disk = new Uint8Array(size);
  disk.set(code);
  disk.set([0x55, 0xaa], 510);
  return disk;
}

/** The last byte and the count, as the disk has them. */
export const diaryOf = (disk: Uint8Array): { byte: number; count: number } => ({
  byte: disk[512]!,
  count: disk[513]! | (disk[514]! << 8),
});
