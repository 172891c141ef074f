import { beforeAll, expect, test, vi } from "vitest";

beforeAll(() => {
  vi.stubGlobal("window", {});
});

/** A reader whose reads end when they are told to. */
async function reader(kept: number, atOnce: number) {
  const { Chunks } = await import("../src/data/chunks");
  const begun: string[] = [];
  const ends = new Map<string, (text: string) => void>();
  const fails = new Map<string, (error: Error) => void>();
  const read = (key: string) =>
    new Promise<string>((resolve, reject) => {
      begun.push(key);
      ends.set(key, resolve);
      fails.set(key, reject);
    });
  const chunks = new Chunks<string>(async (text) => text.toUpperCase(), kept, atOnce, read);
  const settle = () => new Promise((resolve) => setTimeout(resolve));
  return { chunks, begun, settle, end: (key: string) => ends.get(key)?.(key), fail: (key: string) => fails.get(key)?.(new Error(`${key} is missing`)) };
}

test("few are read at the same time, the newest wish first, and what nobody wants any more is not read", async () => {
  const { chunks, begun, settle, end } = await reader(10, 2);
  for (const key of ["a", "b", "c", "d", "e"]) chunks.retain(key);
  expect(begun).toEqual(["a", "b"]);
  chunks.release("d");
  end("a");
  await settle();
  expect(begun).toEqual(["a", "b", "e"]);
  end("b");
  await settle();
  expect(begun).toEqual(["a", "b", "e", "c"]);
});

test("a chunk is read once, and again only after it was pushed out by others", async () => {
  const { chunks, begun, settle, end } = await reader(2, 6);
  for (const key of ["a", "b", "a", "c"]) {
    const chunk = chunks.retain(key);
    end(key);
    await settle();
    expect(chunk.value).toEqual({ state: "ready", value: key.toUpperCase() });
    chunks.release(key);
  }
  expect(begun).toEqual(["a", "b", "c"]);
  chunks.retain("b"); // the one not used longest
  expect(begun).toEqual(["a", "b", "c", "b"]);
});

test("what is shown is never pushed out", async () => {
  const { chunks, begun, settle, end } = await reader(1, 6);
  const shown = chunks.retain("a");
  end("a");
  for (const key of ["b", "c"]) {
    chunks.retain(key);
    end(key);
    await settle();
    chunks.release(key);
  }
  expect(chunks.retain("a")).toBe(shown);
  expect(begun).toEqual(["a", "b", "c"]);
});

test("a chunk that failed says why, and can be tried again", async () => {
  const { chunks, begun, settle, end, fail } = await reader(10, 6);
  const chunk = chunks.retain("a");
  fail("a");
  await settle();
  expect(chunk.value).toEqual({ state: "failed", why: "a is missing" });
  chunks.retry("a");
  expect(chunk.value).toEqual({ state: "loading" });
  end("a");
  await settle();
  expect(chunk.value).toEqual({ state: "ready", value: "A" });
  expect(begun).toEqual(["a", "a"]);
});

test("a renewed chunk is shown until the new one is there, stays where there is none, and is forgotten where nobody looks", async () => {
  const { chunks, begun, settle, end, fail } = await reader(10, 6);
  const shown = chunks.retain("a");
  chunks.retain("b");
  end("a");
  end("b");
  await settle();
  chunks.release("b");
  const renewed = chunks.renew((key) => key !== "c");
  expect(shown.value).toEqual({ state: "ready", value: "A" });
  expect(begun).toEqual(["a", "b", "a"]);
  end("a");
  await renewed;
  expect(shown.value).toEqual({ state: "ready", value: "A" });
  chunks.retain("b");
  expect(begun).toEqual(["a", "b", "a", "b"]);
  const failed = chunks.renew((key) => key === "a");
  fail("a");
  await expect(failed).rejects.toThrow("a is missing");
  expect(shown.value).toEqual({ state: "ready", value: "A" });
});
