import { signal } from "@preact/signals";
import type { AnyMapCell } from "../data/types";
import { valueAt } from "../view/compared";
import { short } from "../words";

interface Pointed {
  row: number;
  at: readonly [number, number];
  /** Of the picture, whose pixels are counted. */
  width: number;
  height: number;
  /** The maps below the cursor, by method. */
  maps: ReadonlyMap<number, { a: AnyMapCell | undefined; b: AnyMapCell | undefined }>;
}

/** What the cursor points at; null: no picture. */
export const pointed = signal<Pointed | null>(null);

/** Which pixel the values are of. */
export function PairPoint() {
  const found = pointed.value;
  if (!found) return <span class="muted">point at a picture for its values</span>;
  const { at, width, height } = found;
  return (
    <b>
      x {Math.floor(at[0] * width)} y {Math.floor(at[1] * height)}
    </b>
  );
}

/** The values of a method's maps below the cursor: of a, of b, and b - a. */
export function PairValues({ method }: { method: number }) {
  const found = pointed.value;
  const maps = found?.maps.get(method);
  const [a, b] = [maps?.a, maps?.b].map((map) => (found && map?.flag === 1 ? valueAt(map, found.at) : null));
  const difference = a === null || b === null ? null : b - a;
  const words = found ? [short(a), short(b), `${difference !== null && difference > 0 ? "+" : ""}${short(difference)}`] : [];
  return (
    <div class="pair-values">
      {words.map((text, index) => (
        <div key={index}>{text}</div>
      ))}
    </div>
  );
}
