/** Chunks as Python writes them, for tests. */

import { deflateRawSync } from "node:zlib";
import type { ColumnsChunk } from "../src/data/columns";
import type { ArrayPlace } from "../src/data/types";

const BYTES = { u8: 1, u16: 2, u32: 4, i32: 4, f32: 4 };
const TYPES = { u8: Uint8Array, u16: Uint16Array, u32: Uint32Array, i32: Int32Array, f32: Float32Array };

/** Collects the arrays of a chunk. */
export class Body {
  private readonly parts: Uint8Array[] = [];
  private at = 0;

  add(type: ArrayPlace["type"], values: readonly number[]): ArrayPlace {
    const bytes = new Uint8Array(TYPES[type].from(values as number[]).buffer);
    const place = { at: this.at, n: values.length, type };
    this.parts.push(bytes, new Uint8Array(-bytes.length & 7));
    this.at += Math.ceil((values.length * BYTES[type]) / 8) * 8;
    return place;
  }

  /** The bytes of a chunk with this header. */
  bytes(header: object): Uint8Array<ArrayBuffer> {
    const json = new TextEncoder().encode(JSON.stringify(header));
    const start = new Uint8Array(Math.ceil((4 + json.length) / 8) * 8);
    new DataView(start.buffer).setUint32(0, json.length, true);
    start.set(json, 4);
    const all = [start, ...this.parts];
    const whole = new Uint8Array(all.reduce((sum, part) => sum + part.length, 0));
    all.reduce((at, part) => (whole.set(part, at), at + part.length), 0);
    return whole;
  }

  text(header: object): string {
    return deflateRawSync(this.bytes(header)).toString("base64");
  }
}

interface Sample {
  number: number;
  name: string;
  truth: number[];
  top: number;
  p_top: number;
  total: number;
  rows: { label: number; outcome: number; first?: boolean; edits?: number }[];
}

/** The columns of hand-written samples. */
export function columnsOf(samples: readonly Sample[]): ColumnsChunk {
  const rows = samples.flatMap((sample, i) => sample.rows.map((row) => ({ ...row, i, sample })));
  const floats = (values: number[]) => Float32Array.from(values);
  const texts = samples.map(({ name }) => new TextEncoder().encode(name));
  const offsets = (lengths: number[]) => Uint32Array.from([0, ...lengths.map((_, i) => lengths.slice(0, i + 1).reduce((a, b) => a + b))]);
  const none = floats(rows.map(() => NaN));
  const unknown = floats(samples.map(() => NaN));
  const truths = { at: offsets(samples.map(({ truth }) => truth.length)), labels: Int32Array.from(samples.flatMap(({ truth }) => truth)) };
  return {
    rows: rows.length,
    samples: samples.length,
    columns: {
      of: Uint32Array.from(rows, ({ i }) => i),
      first: Uint8Array.from(rows, ({ first }) => (first ? 1 : 0)),
      label: Int32Array.from(rows, ({ label }) => label),
      outcome: Uint8Array.from(rows, ({ outcome }) => outcome),
      p: none,
      deviation: none,
      low: none,
      high: none,
      disagreement: none,
      has_edits: Uint8Array.from(rows, ({ edits }) => edits ?? 0),
      sample: Int32Array.from(samples, ({ number }) => number),
      start: Uint32Array.from(samples, (_, i) => rows.findIndex((row) => row.i === i)),
      top: Int32Array.from(samples, ({ top }) => top),
      correct: Uint8Array.from(samples, ({ truth, top }) => (truth.length ? (truth.includes(top) ? 1 : 2) : 0)),
      p_top: floats(samples.map(({ p_top }) => p_top)),
      margin: unknown,
      entropy: unknown,
      total: floats(samples.map(({ total }) => total)),
      aleatoric: unknown,
      epistemic: unknown,
    },
    names: { at: offsets(texts.map(({ length }) => length)), text: Uint8Array.from(texts.flatMap((text) => Array.from(text))) },
    truth: truths,
    predicted: truths,
  };
}

/** Four samples, numbered 2, 3, 5 and 9, of the labels 0 to 3; the second has two rows, of which the later is its first. */
export function someColumns(): ColumnsChunk {
  return columnsOf([
    { number: 2, name: "Straße.png", truth: [1], top: 1, p_top: 0.9, total: 0.2, rows: [{ label: 1, outcome: 1, first: true, edits: 1 }] },
    {
      number: 3,
      name: "b.png",
      truth: [2, 3],
      top: 0,
      p_top: 0.75,
      total: 0.8,
      rows: [
        { label: 2, outcome: 3, edits: 2 },
        { label: 0, outcome: 2, first: true },
      ],
    },
    { number: 5, name: "", truth: [], top: 3, p_top: 0.5, total: NaN, rows: [{ label: 3, outcome: 0, first: true }] },
    { number: 9, name: "d.png", truth: [3], top: 3, p_top: 0.6, total: 1.6, rows: [{ label: 3, outcome: 1, first: true }] },
  ]);
}
