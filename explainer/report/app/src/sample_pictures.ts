/** The pixels of a sample's picture and maps, from its own chunk or, where there is none, from the small ones. */

import { useEffect, useState } from "preact/hooks";
import type { AnyRawMap, Detail, GridRow } from "./data/types";
import { greysOf, planesOf, Unshown } from "./data/pictures";
import type { Greys, Planes } from "./view/blend";
import { histogramOf, p99Of } from "./view/scales";

export interface ShownMap {
  method: number;
  /** The grey values, or why there are none. */
  greys: Greys | Unshown;
  lo: number;
  hi: number;
  p99: number;
  gap: number | null;
  histogram: Uint32Array;
  /** The map as floats; null: the run did not keep it so. */
  raw: AnyRawMap | null;
}

export interface Pictures {
  picture: Planes | Unshown;
  /** The size in which coordinates are told. */
  width: number;
  height: number;
  maps: ShownMap[];
}

/** The pictures of a sample and one of its labels; null while they are read. */
export function useDetailPictures(detail: Detail | null, label: number): Pictures | null {
  const [made, setMade] = useState<{ detail: Detail; label: number; pictures: Pictures } | null>(null);
  useEffect(() => {
    if (!detail) return;
    let wanted = true;
    void picturesOf(detail, label).then((pictures) => wanted && setMade({ detail, label, pictures }));
    return () => {
      wanted = false;
    };
  }, [detail, label]);
  return made && made.detail === detail && made.label === label ? made.pictures : null;
}

async function picturesOf(detail: Detail, label: number): Promise<Pictures> {
  const ours = detail.maps.filter((map) => map.label === label);
  const [picture, ...greys] = await Promise.all([planesOf(detail.picture), ...ours.map(greysOf)]);
  const maps = ours.map((map, index) => ({ ...shownMap(map.method, greys[index], map.lo, map.hi, null, map.gap), raw: map.raw }));
  const sized = detail.picture.flag === 1 ? detail.picture : ours.find((map) => map.flag === 1);
  const { width, height } = sized?.flag === 1 ? sized : { width: 1, height: 1 };
  return { picture, width, height, maps };
}

/** The small pictures of the grid, for a report without details. */
export function picturesOfRow(row: GridRow): Pictures {
  const { image } = row;
  const picture = image.flag === 1 ? { w: image.w, h: image.h, rgb: image.rgb } : new Unshown(image.reason);
  const maps = row.maps.map((map) =>
    map.flag === 1
      ? shownMap(map.method, { w: map.w, h: map.h, values: map.values }, map.lo, map.hi, map.p99, null)
      : shownMap(map.method, new Unshown(map.reason), 0, 0, 0, null),
  );
  const { w, h } = picture instanceof Unshown ? { w: 64, h: 64 } : picture;
  return { picture, width: w, height: h, maps };
}

function shownMap(method: number, greys: Greys | Unshown, lo: number, hi: number, p99: number | null, gap: number | null): ShownMap {
  const values = greys instanceof Unshown ? new Uint8Array(0) : greys.values;
  return { method, greys, lo, hi, p99: p99 ?? p99Of(lo, hi, values), gap, histogram: histogramOf(values), raw: null };
}
