/** Which part of a picture a pane shows. */

import type { Range } from "../routes";

export interface Frame {
  /** Of the pane, and of the picture. */
  paneWidth: number;
  paneHeight: number;
  width: number;
  height: number;
  /** Pixels of the screen for one of the picture; 0: all of it fits. */
  zoom: number;
  /** The point of the picture in the middle of the pane, 0 to 1. */
  centre: Range;
}

const MOST_ZOOM = 32;
const LEAST_PANE = 112;
const MOST_PANE = 480;

export function fitting({ paneWidth, paneHeight, width, height }: Frame): number {
  return Math.min(paneWidth / width, paneHeight / height);
}

/** Pixels of the screen for one of the picture. */
export function scaleOf(frame: Frame): number {
  return frame.zoom || fitting(frame);
}

/** Where a point of the picture, 0 to 1, lies in the pane. */
export function inPane(frame: Frame, [x, y]: Range): Range {
  const scale = scaleOf(frame);
  return [place(frame, 0, x, scale), place(frame, 1, y, scale)];
}

function place(frame: Frame, axis: 0 | 1, at: number, scale: number): number {
  const length = axis ? frame.height : frame.width;
  const centre = frame.zoom ? frame.centre[axis] : 0.5;
  const pane = axis ? frame.paneHeight : frame.paneWidth;
  return pane / 2 + (at - centre) * length * scale;
}

/** Which point of the picture, 0 to 1, lies there in the pane. */
export function inPicture(frame: Frame, [x, y]: Range): Range {
  const scale = scaleOf(frame);
  const [left, top] = inPane(frame, [0, 0]);
  return [(x - left) / (frame.width * scale), (y - top) / (frame.height * scale)];
}

/** The point, or null beside the picture. */
export function within([x, y]: Range): Range | null {
  return x >= 0 && x < 1 && y >= 0 && y < 1 ? [x, y] : null;
}

/** Zoomed by a factor, so that the point below the cursor stays there; back at the whole picture where it would fit. */
export function zoomed(frame: Frame, factor: number, at: Range): { zoom: number; centre: Range } {
  const zoom = Math.min(MOST_ZOOM, scaleOf(frame) * factor);
  if (zoom <= fitting(frame) * 1.001) return { zoom: 0, centre: [0.5, 0.5] };
  const [x, y] = inPicture(frame, at);
  const next = { ...frame, zoom };
  return {
    zoom,
    centre: [
      part(x - (at[0] - frame.paneWidth / 2) / (next.width * zoom)),
      part(y - (at[1] - frame.paneHeight / 2) / (next.height * zoom)),
    ],
  };
}

/** The centre after the picture was dragged by pixels of the screen. */
export function dragged(frame: Frame, x: number, y: number): Range {
  const scale = scaleOf(frame);
  return [part(frame.centre[0] - x / (frame.width * scale)), part(frame.centre[1] - y / (frame.height * scale))];
}

function part(value: number): number {
  return Math.max(0, Math.min(1, value));
}

const NUDGES: Readonly<Record<string, Range>> = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** A point moved by a key to the middle of the next pixel of a picture of this size; null for another key. */
export function nudged(key: string, [x, y]: Range, width: number, height: number): Range | null {
  const step = NUDGES[key];
  if (!step) return null;
  const pixel = (at: number, by: number, length: number) => (Math.max(0, Math.min(length - 1, Math.floor(at * length) + by)) + 0.5) / length;
  return [pixel(x, step[0], width), pixel(y, step[1], height)];
}

/** Width and height of panes for pictures of this shape, so that all of them fit a place this wide and high, as large as can be. */
export function paneSize(count: number, shape: number, width: number, height: number, caption: number, gap = 12): [number, number] {
  let best = Math.min(LEAST_PANE, width);
  for (let columns = 1; columns <= count; columns++) {
    const byWidth = (width + gap) / columns - gap;
    const byHeight = ((height + gap) / Math.ceil(count / columns) - gap - caption) * shape;
    best = Math.max(best, Math.min(byWidth, byHeight, MOST_PANE * Math.sqrt(shape)));
  }
  return [Math.floor(best), Math.floor(best / shape)];
}
