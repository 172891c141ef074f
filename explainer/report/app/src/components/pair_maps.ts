import type { AnyMapCell, MapCell, Method } from "../data/types";
import { view } from "../state";
import { both, differenceOf, mostDifference } from "../view/compared";
import type { Coloured } from "../view/draw_row";
import { paletteTable } from "../view/palettes";
import { colourTable, type Look } from "../view/scales";

/** The maps of a method in both runs, in the colours of one scale, and their difference; null: there is none. */
export interface PairMap {
  a: AnyMapCell | undefined;
  b: AnyMapCell | undefined;
  own: Coloured | null;
  other: Coloured | null;
  difference: Coloured | null;
  /** The ends of the difference. */
  low: number;
  high: number;
}

/** Whether every difference has all colours, however small it is. */
export function stretched(): boolean {
  return view.value.extra.stretch === "1";
}

export function pairMaps(a: AnyMapCell | undefined, b: AnyMapCell | undefined, method: Method, look: Look, stretch: boolean): PairMap {
  const own = a?.flag === 1 ? a : null;
  const other = b?.flag === 1 ? b : null;
  const span = { ...method, signed: method.signed || (other?.lo ?? 0) < 0 };
  const shared = own && other ? both(own, other) : (own ?? other);
  const coloured = (map: MapCell | null) => (map && shared ? { ...map, table: colourTable(map, span, look, shared) } : null);
  const found = { a, b, own: coloured(own), other: coloured(other), difference: null, low: 0, high: 0 };
  if (!own || !other || !shared) return found;
  const { low, high } = differenceOf(own, other, 0);
  const most = stretch ? Math.max(-low, high) : mostDifference(shared, span, look);
  const { values } = differenceOf(own, other, most);
  return { ...found, low, high, difference: { ...own, values, table: differenceTable(look) } };
}

/** The palette for values with signs, all of it: no picture lies below a difference. */
function differenceTable({ signed }: Look): Uint8Array {
  const palette = paletteTable(signed);
  const table = new Uint8Array(256 * 4).fill(255);
  for (let grey = 0; grey < 256; grey++) table.set(palette.subarray(3 * grey, 3 * grey + 3), 4 * grey);
  return table;
}
