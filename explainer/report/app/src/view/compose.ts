/** Canvases of whole pictures. */

import { blend, paint, paintMap, type Greys, type Planes, type Target } from "./blend";

/** The picture as a canvas of its own size. */
export function pictureCanvas(picture: Planes): HTMLCanvasElement {
  return canvasOf(picture.w, picture.h, (target) => paint(picture, target));
}

/** The map over the picture, or alone where there is none; `table` as `colourTable` gives it. */
export function mapCanvas(picture: Planes | null, map: Greys, table: Uint8Array): HTMLCanvasElement {
  const { w, h } = picture ?? map;
  return canvasOf(w, h, (target) => (picture ? blend(picture, map, table, target) : paintMap(map, table, target)));
}

function canvasOf(w: number, h: number, fill: (target: Target) => void): HTMLCanvasElement {
  const canvas = document.createElement("canvas");
  canvas.width = w;
  canvas.height = h;
  const context = canvas.getContext("2d") as CanvasRenderingContext2D;
  const pixels = context.createImageData(w, h);
  fill({ pixels: pixels.data, stride: w, left: 0 });
  context.putImageData(pixels, 0, 0);
  return canvas;
}
