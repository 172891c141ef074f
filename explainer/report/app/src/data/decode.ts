/** What a chunk holds, from its base64 text: base64, raw deflate, a JSON header, and arrays where the header says. */

import { bytesOfBase64 } from "./base64";
import type { ArrayPlace } from "./types";

const TYPES = { u8: Uint8Array, u16: Uint16Array, u32: Uint32Array, i32: Int32Array, f32: Float32Array };

/** The header of a chunk, each array in its place: nothing is copied. */
export async function decoded<T>(text: string): Promise<T> {
  return unpacked<T>(await inflated(bytesOfBase64(text)));
}

/** Written to the stream itself: a Blob would go to the browser's process and back. */
async function inflated(bytes: Uint8Array<ArrayBuffer>): Promise<ArrayBuffer> {
  const { readable, writable } = new DecompressionStream("deflate-raw");
  const writer = writable.getWriter();
  const written = Promise.all([writer.write(bytes), writer.close()]);
  const [buffer] = await Promise.all([new Response(readable).arrayBuffer(), written]);
  return buffer;
}

/** The header of an inflated chunk: u32 length, JSON, padding to 8, then the bytes of the arrays. */
export function unpacked<T>(buffer: ArrayBuffer): T {
  const length = new DataView(buffer).getUint32(0, true);
  const header: unknown = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  return filled(header, buffer, Math.ceil((4 + length) / 8) * 8) as T;
}

function filled(value: unknown, buffer: ArrayBuffer, start: number): unknown {
  if (value === null || typeof value !== "object") return value;
  if (isPlace(value)) return new TYPES[value.type](buffer, start + value.at, value.n);
  if (Array.isArray(value)) return value.map((part) => filled(part, buffer, start));
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, filled(part, buffer, start)]));
}

function isPlace(value: object): value is ArrayPlace {
  const { at, n, type } = value as Partial<ArrayPlace>;
  return typeof at === "number" && typeof n === "number" && typeof type === "string" && type in TYPES;
}
