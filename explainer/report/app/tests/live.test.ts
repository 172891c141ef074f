import { afterEach, beforeAll, expect, test, vi } from "vitest";

beforeAll(() => {
  vi.stubGlobal("window", { setTimeout, addEventListener: () => {} });
  vi.stubGlobal("location", { hash: "" });
});

afterEach(() => {
  vi.restoreAllMocks();
});

const live = () => import("../src/live");
const server = () => import("../src/data/server");

test("the rate is of the moments that were seen, and none where they are too few or too near", async () => {
  const { rateOf } = await live();
  expect(rateOf([])).toBe(null);
  expect(rateOf([[0, 5]])).toBe(null);
  expect(rateOf([[0, 5], [2000, 9]])).toBe(null);
  expect(rateOf([[1000, 5], [3000, 9], [5000, 17]])).toBe(3);
  expect(rateOf([[1000, 5], [9000, 5]])).toBe(null);
});

test("progress is said in words", async () => {
  const { progressWords } = await live();
  const status = { edition: "a", state: "running", samples: 412, measured: 400, age: 1.6 } as const;
  expect(progressWords(status, 3.14, 0.3)).toBe("412 samples so far · 3.1 per second · updated 2 s ago");
  expect(progressWords({ ...status, samples: 1 }, 0.05, 0)).toBe("1 sample so far · 3.0 per minute · updated 2 s ago");
  expect(progressWords({ ...status, age: null }, null, 7)).toBe("412 samples so far");
  expect(progressWords({ ...status, age: 100 }, null, 50)).toBe("412 samples so far · updated 3 min ago");
});

test("what is new is told by what it is", async () => {
  const { newsOf } = await live();
  const shown = { edition: "a", measured: 10, samples: 10, state: "running" };
  const status = { edition: "a", state: "running", samples: 10, measured: 10, age: 0 } as const;
  expect(newsOf(status, shown)).toEqual({ kind: "none" });
  expect(newsOf({ ...status, samples: 24 }, shown)).toEqual({ kind: "samples", count: 14 });
  expect(newsOf({ ...status, state: "ended", samples: 24 }, shown)).toEqual({ kind: "samples", count: 14 });
  expect(newsOf({ ...status, state: "ended" }, shown)).toEqual({ kind: "measured" });
  expect(newsOf(status, { ...shown, measured: 4 })).toEqual({ kind: "measured" });
  expect(newsOf({ ...status, measured: 7 }, { ...shown, measured: 4 })).toEqual({ kind: "none" });
  expect(newsOf({ ...status, edition: "" }, shown)).toEqual({ kind: "other rows" });
  expect(newsOf({ ...status, samples: 9 }, shown)).toEqual({ kind: "other rows" });
});

test("a chunk is taken out of its script, and what the server says instead is the reason", async () => {
  const { servedText } = await server();
  const asked: string[] = [];
  vi.stubGlobal("fetch", async (url: string) => {
    asked.push(url);
    return new Response(asked.length === 1 ? 'E("g/3","AAAA")' : 'E("g/4","AAAA")');
  });
  expect(await servedText("g/3", "x-1")).toBe("AAAA");
  expect(asked).toEqual(["data/g/3.js?edition=x-1"]);
  await expect(servedText("g/3", "x-1")).rejects.toThrow("data/g/3.js holds no chunk g/3");
  vi.stubGlobal("fetch", async () => new Response("the run has other rows now\n", { status: 409 }));
  await expect(servedText("g/3", "x-1")).rejects.toThrow("the run has other rows now");
  vi.stubGlobal("fetch", () => Promise.reject(new TypeError("Failed to fetch")));
  await expect(servedText("g/3", "x-1")).rejects.toThrow("the server does not answer");
});

test("what is polled is sent again only when it is another value", async () => {
  const { Polled } = await server();
  const tags: (string | undefined)[] = [];
  let value = 1;
  vi.stubGlobal("fetch", async (_: string, { headers }: { headers: Record<string, string> }) => {
    tags.push(headers["If-None-Match"]);
    const same = headers["If-None-Match"] === `"${value}"`;
    return same ? new Response(null, { status: 304 }) : Response.json(value, { headers: { ETag: `"${value}"` } });
  });
  const polled = new Polled<number>("state.json");
  expect(await polled.next()).toBe(1);
  expect(await polled.next()).toBe(null);
  value = 2;
  expect(await polled.next()).toBe(2);
  expect(tags).toEqual([undefined, '"1"', '"1"']);
});
