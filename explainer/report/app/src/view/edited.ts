/** What is seen of a picture in a layer of its edits, from the mask and the boxes. */

import type { Box } from "../data/types";
import type { Planes } from "./blend";
import { blurred } from "./blur";

const DIMMED = 0.7; // as MindInsight shows what is hidden: grey, and this bright

/** The blurred picture, or null for a mask of another kind. size: of the image in whose pixels the radius is. */
export function background(picture: Planes, mask: string, size: readonly [number, number] | null): Planes | null {
  const match = /^gaussian:(\d{1,4})$/.exec(mask);
  if (!match) return null;
  const scale = size ? picture.w / size[0] : 1;
  return blurred(picture, Math.max(1, Number(match[1]) * scale));
}

/** The same in dark grey, against which what is seen stands out. */
export function dimmed({ w, h, rgb }: Planes): Planes {
  const plane = w * h;
  const out = new Uint8Array(rgb.length);
  for (let at = 0; at < plane; at++) {
    const grey = (299 * rgb[at] + 587 * rgb[plane + at] + 114 * rgb[2 * plane + at]) / 1000;
    out[at] = out[plane + at] = out[2 * plane + at] = DIMMED * grey;
  }
  return { w, h, rgb: out };
}

/** Inside the boxes the one, elsewhere the other; boxes in pixels of an image of this size. */
export function boxed(inside: Planes, outside: Planes, boxes: readonly Box[], size: readonly [number, number] | null): Planes {
  const { w, h } = outside;
  const rgb = Uint8Array.from(outside.rgb);
  for (const box of boxes) {
    const [left, top, right, bottom] = corners(box, w, h, size);
    for (let channel = 0; channel < 3; channel++)
      for (let y = top; y < bottom; y++) {
        const row = channel * w * h + y * w;
        rgb.set(inside.rgb.subarray(row + left, row + right), row + left);
      }
  }
  return { w, h, rgb };
}

function corners([x, y, width, height]: Box, w: number, h: number, size: readonly [number, number] | null) {
  const [acrossX, acrossY] = size ? [w / size[0], h / size[1]] : [1, 1];
  const clamp = (value: number, most: number) => Math.max(0, Math.min(most, Math.round(value)));
  const [left, top] = [clamp(x * acrossX, w), clamp(y * acrossY, h)];
  return [left, top, Math.max(left, clamp((x + width) * acrossX, w)), Math.max(top, clamp((y + height) * acrossY, h))] as const;
}
