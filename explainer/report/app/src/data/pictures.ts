/** Pixels of the pictures in a sample's chunk. */

import type { AnyPicture } from "./types";
import type { Greys, Planes } from "../view/blend";

/** Why a picture cannot be shown. */
export class Unshown {
  constructor(readonly why: string) {}
}

/** The colours of a picture; what is transparent in it is white. */
export async function planesOf(picture: AnyPicture): Promise<Planes | Unshown> {
  const pixels = await pixelsOf(picture);
  if (pixels instanceof Unshown) return pixels;
  const { width: w, height: h, data } = pixels;
  const rgb = new Uint8Array(3 * w * h);
  for (let from = 0, to = 0; to < w * h; from += 4, to++) {
    rgb[to] = data[from];
    rgb[w * h + to] = data[from + 1];
    rgb[2 * w * h + to] = data[from + 2];
  }
  return { w, h, rgb };
}

/** The grey values of a map. */
export async function greysOf(map: AnyPicture): Promise<Greys | Unshown> {
  const pixels = await pixelsOf(map);
  if (pixels instanceof Unshown) return pixels;
  const { width: w, height: h, data } = pixels;
  const values = new Uint8Array(w * h);
  for (let to = 0; to < w * h; to++) values[to] = data[4 * to];
  return { w, h, values };
}

async function pixelsOf(picture: AnyPicture): Promise<ImageData | Unshown> {
  if (picture.flag === 2) return new Unshown(picture.reason);
  const canvas = document.createElement("canvas");
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (!context) return new Unshown("this browser gives no canvas");
  try {
    const bitmap = await createImageBitmap(new Blob([picture.png], { type: "image/png" }), { colorSpaceConversion: "none" });
    canvas.width = bitmap.width;
    canvas.height = bitmap.height;
    context.fillStyle = "white";
    context.fillRect(0, 0, bitmap.width, bitmap.height);
    context.drawImage(bitmap, 0, 0);
    bitmap.close();
    return context.getImageData(0, 0, canvas.width, canvas.height);
  } catch {
    return new Unshown("the browser cannot read the picture");
  }
}
