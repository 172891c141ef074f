/** The run's facts, which stand in the page, and the readers of its chunks. */

import { Chunks } from "./chunks";
import type { ColumnsChunk } from "./columns";
import { decoded } from "./decode";
import type { Detail, GridChunk, OtherChunk, PairsChunk, Run, ScoreChunk } from "./types";

const FORMAT = 1;

/** The run's facts. */
export function runOfPage(): Run {
  const found = JSON.parse(document.getElementById("run")?.textContent ?? "null") as Run | null;
  if (!found) throw new Error("this page holds no run");
  if (found.format !== FORMAT) throw new Error(`this page's data have format ${found.format}; its code reads ${FORMAT}`);
  return found;
}

export const columnChunks = new Chunks<ColumnsChunk>(decoded);
export const gridChunks = new Chunks<GridChunk>(decoded);
export const pairsChunks = new Chunks<PairsChunk>(decoded);
export const otherChunks = new Chunks<OtherChunk>(decoded);
export const scoreChunks = new Chunks<ScoreChunk>(decoded, 16);
export const detailChunks = new Chunks<Detail>(decoded, 12);

export function gridKey(row: number): string {
  return `g/${row >> 3}`;
}

export function otherKey(row: number): string {
  return `c/${row >> 3}`;
}

export function detailKey(sample: number): string {
  return `s/${Math.floor(sample / 1000)}/${sample}`;
}
