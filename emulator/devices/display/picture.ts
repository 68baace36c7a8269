export interface Rectangle {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** More rectangles than this are joined: each has a price of its own on the way to the window. */
const mostRectangles = 16;

/** A card's picture: RGBA, 8 bits each, rows from the top, and what has changed in it. */
export class Picture {
  width = 0;
  height = 0;
  /** A pixel per element; red is the lowest byte, alpha the highest. */
  pixels = new Uint32Array();
  #damage: Rectangle[] = [];

  /** Sets the size; a new size makes all of it black and changed. */
  resize(width: number, height: number): boolean {
    if (width === this.width && height === this.height) return false;
    this.width = width;
    this.height = height;
    this.pixels = new Uint32Array(width * height).fill(0xff000000);
    this.damageAll();
    return true;
  }

  /** The pixels as bytes, live. */
  get bytes(): Uint8Array {
    return new Uint8Array(this.pixels.buffer);
  }

  damageAll(): void {
    this.#damage = [{ x: 0, y: 0, width: this.width, height: this.height }];
  }

  /** Notes a change; rows that follow each other and look alike become one rectangle. */
  damage(x: number, y: number, width: number, height: number): void {
    const last = this.#damage.at(-1);
    if (last !== undefined && y === last.y + last.height && overlap(last, x, width)) {
      this.#damage[this.#damage.length - 1] = union(last, { x, y, width, height });
      return;
    }
    if (last !== undefined && contains(last, { x, y, width, height })) return;
    this.#damage.push({ x, y, width, height });
    if (this.#damage.length > mostRectangles) this.#damage = [this.#damage.reduce(union)];
  }

  /** Puts `row` at the line `y` from `x` on and notes what differs. */
  putRow(y: number, row: Uint32Array, x = 0): void {
    const { pixels } = this;
    const { length } = row;
    const start = y * this.width + x;
    let first = 0;
    while (first < length && pixels[start + first] === row[first]) first++;
    if (first === length) return;
    let last = length - 1;
    while (pixels[start + last] === row[last]) last--;
    pixels.set(row.subarray(first, last + 1), start + first);
    this.damage(x + first, y, last + 1 - first, 1);
  }

  /** What has changed since the last call: for the one viewer that follows this picture. */
  takeDamage(): readonly Rectangle[] {
    const taken = this.#damage;
    this.#damage = [];
    return taken;
  }
}

/** Worth joining: most of one lies above or below the other. */
function overlap(a: Rectangle, x: number, width: number): boolean {
  const common = Math.min(a.x + a.width, x + width) - Math.max(a.x, x);
  return common * 2 >= Math.max(a.width, width);
}

function contains(a: Rectangle, b: Rectangle): boolean {
  return (
    b.x >= a.x && b.y >= a.y && b.x + b.width <= a.x + a.width && b.y + b.height <= a.y + a.height
  );
}

function union(a: Rectangle, b: Rectangle): Rectangle {
  const x = Math.min(a.x, b.x);
  const y = Math.min(a.y, b.y);
  return {
    x,
    y,
    width: Math.max(a.x + a.width, b.x + b.width) - x,
    height: Math.max(a.y + a.height, b.y + b.height) - y,
  };
}
