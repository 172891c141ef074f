import { expect, test } from "vitest";
import { bytesOfBase64 } from "../src/data/base64";
import { Columns } from "../src/data/columns";
import { decoded, unpacked } from "../src/data/decode";
import { Body, someColumns } from "./chunk";

test("a chunk's arrays stand where its header names them", async () => {
  const body = new Body();
  const header = {
    first: 8,
    rows: [{ rgb: body.add("u8", [1, 2, 255]), text: "Straße \u2028", lo: -0.5 }],
    values: body.add("f32", [0.5, NaN, -2]),
    places: body.add("i32", [-1, 7]),
    nothing: null,
  };
  const chunk = await decoded<Record<string, unknown>>(body.text(header));
  expect(chunk).toEqual({
    first: 8,
    rows: [{ rgb: Uint8Array.of(1, 2, 255), text: "Straße \u2028", lo: -0.5 }],
    values: Float32Array.of(0.5, NaN, -2),
    places: Int32Array.of(-1, 7),
    nothing: null,
  });
});

test("headers of every length are padded to eight bytes", () => {
  for (let length = 0; length < 9; length++) {
    const body = new Body();
    const bytes = body.bytes({ pad: "x".repeat(length), a: body.add("u32", [1, 4_000_000_000]) });
    expect(unpacked<{ a: Uint32Array }>(bytes.buffer).a).toEqual(Uint32Array.of(1, 4_000_000_000));
  }
});

test("text that is no chunk is an error", async () => {
  await expect(decoded("AAAA")).rejects.toThrow();
  await expect(decoded("<script>")).rejects.toThrow();
});

test("base64 gives every byte", () => {
  const bytes = Uint8Array.from({ length: 256 }, (_, value) => value);
  expect(bytesOfBase64(Buffer.from(bytes).toString("base64"))).toEqual(bytes);
});

test("columns find samples by their numbers, names and rows", () => {
  const columns = new Columns(someColumns());
  expect([2, 3, 4, 5, 9, 10].map((number) => columns.place(number))).toEqual([0, 1, -1, 2, 3, -1]);
  expect([0, 1, 2].map((i) => columns.name(i))).toEqual(["Straße.png", "b.png", ""]);
  expect(columns.rowsOf(1)).toEqual([1, 3]);
  expect(columns.rowsOf(3)).toEqual([4, 5]);
  expect(columns.firstRow(1)).toBe(2);
  expect(Array.from(columns.truth(1))).toEqual([2, 3]);
  expect(columns.number(2)).toBe(3);
});
