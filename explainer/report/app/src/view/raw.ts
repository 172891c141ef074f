/** The values of a map: of its floats where the run kept them, else of its 256 greys. */

/** A map as its file has it: value = values * 2 ** exponent; of float16 the values are its bits. */
export interface RawMap {
  width: number;
  height: number;
  exponent: number;
  kind: "float16" | "float32";
  values: Uint16Array | Float32Array;
}

/** A value, and how far the true one may be from it at most. */
export interface Reading {
  value: number;
  error: number;
}

const DIGITS = 11; // binary ones of a float16
const LEAST = -24; // the smallest float16 is 2 ** -24

/** The number of 16 bits as IEEE 754 has it; few browsers know the type. */
export function float16(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 0x3ff;
  return sign * (exponent ? (1024 + fraction) * 2 ** (exponent - 25) : fraction * 2 ** LEAST);
}

/** The value at a point of the map, 0 to 1 each. float32 is what the method gave; float16 keeps 11 binary digits of it. */
export function readRaw(raw: RawMap, x: number, y: number): Reading {
  const stored = raw.values[Math.floor(y * raw.height) * raw.width + Math.floor(x * raw.width)];
  const scale = 2 ** raw.exponent;
  if (raw.kind === "float32") return { value: stored * scale, error: 0 };
  const value = float16(stored) * scale;
  return { value, error: Math.max(Math.abs(value) * 2 ** -DIGITS, scale * 2 ** (LEAST - 1)) };
}

/** The value that a grey stands for. */
export function readGrey(grey: number, lo: number, hi: number): Reading {
  return { value: lo + (grey / 255) * (hi - lo), error: (hi - lo) / 510 };
}
