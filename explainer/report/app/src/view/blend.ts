/** Pixels of a map laid over its picture. */

/** Planes of reds, greens, blues, each row by row. */
export interface Planes {
  w: number;
  h: number;
  rgb: Uint8Array;
}

/** Grey values, row by row. */
export interface Greys {
  w: number;
  h: number;
  values: Uint8Array;
}

/** Where pixels are written to: four bytes each, `stride` pixels a row, from `left` on. */
export interface Target {
  pixels: Uint8ClampedArray;
  stride: number;
  left: number;
}

/** The picture as it is. */
export function paint(picture: Planes, { pixels, stride, left }: Target): void {
  const { w, h, rgb } = picture;
  const plane = w * h;
  for (let y = 0, from = 0; y < h; y++) {
    let to = 4 * (y * stride + left);
    for (let x = 0; x < w; x++, from++, to += 4) {
      pixels[to] = rgb[from];
      pixels[to + 1] = rgb[plane + from];
      pixels[to + 2] = rgb[2 * plane + from];
      pixels[to + 3] = 255;
    }
  }
}

/** The picture with the map over it, stretched to it; `table` as `colourTable` gives it. */
export function blend(picture: Planes, map: Greys, table: Uint8Array, { pixels, stride, left }: Target): void {
  const { w, h, rgb } = picture;
  const plane = w * h;
  const columns = stretched(w, map.w);
  for (let y = 0, from = 0; y < h; y++) {
    const row = Math.floor((y * map.h) / h) * map.w;
    let to = 4 * (y * stride + left);
    for (let x = 0; x < w; x++, from++, to += 4) {
      const colour = 4 * map.values[row + columns[x]];
      const weight = table[colour + 3];
      const rest = 255 - weight;
      pixels[to] = (table[colour] * weight + rgb[from] * rest) / 255;
      pixels[to + 1] = (table[colour + 1] * weight + rgb[plane + from] * rest) / 255;
      pixels[to + 2] = (table[colour + 2] * weight + rgb[2 * plane + from] * rest) / 255;
      pixels[to + 3] = 255;
    }
  }
}

/** The map alone, where there is no picture. */
export function paintMap(map: Greys, table: Uint8Array, { pixels, stride, left }: Target): void {
  for (let y = 0, from = 0; y < map.h; y++) {
    let to = 4 * (y * stride + left);
    for (let x = 0; x < map.w; x++, from++, to += 4) {
      const colour = 4 * map.values[from];
      pixels[to] = table[colour];
      pixels[to + 1] = table[colour + 1];
      pixels[to + 2] = table[colour + 2];
      pixels[to + 3] = 255;
    }
  }
}

/** For each column of the wider one its column in the other. */
function stretched(to: number, from: number): Uint32Array {
  return Uint32Array.from({ length: to }, (_, x) => Math.floor((x * from) / to));
}
