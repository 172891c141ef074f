import { expect, test } from "vitest";
import { seedsOf } from "../src/view/seeds";
import { differencesDomain, ownSide, runNames } from "../src/view/compared";

const stored = (folder: string, event_file: string) => ({ folder, event_file, state: "ended", samples: 1 });

test("the report is of the run with its event file and folder, else of the first", () => {
  const run = { run: { name: "job", event_file: "e.1" } };
  expect(ownSide({ a: stored("x/job", "e.1"), b: stored("x/other", "e.2") }, run)).toBe("a");
  expect(ownSide({ a: stored("x/other", "e.2"), b: stored("x\\job\\", "e.1") }, run)).toBe("b");
  expect(ownSide({ a: stored("x/job", "e.1"), b: stored("y/job", "e.1") }, run)).toBe("a");
  expect(ownSide({ a: stored("x", "e.3"), b: stored("y", "e.4") }, run)).toBe("a");
});

test("an axis of differences has 0 in its middle", () => {
  const [low, high] = differencesDomain([
    { mean: 0.1, low: -0.3, high: 0.2 },
    { mean: null, low: null, high: null },
  ]);
  expect(low).toBe(-high);
  expect(high).toBeCloseTo(0.318);
  expect(differencesDomain([])).toEqual([-1, 1]);
});

test("seeds are found wherever they stand", () => {
  expect(seedsOf({ seed: 3, options: { shuffle_seed: 4, seedling: 5 }, list: [{ seed: 6 }], none: null })).toEqual({ seed: 3, "options · shuffle_seed": 4 });
});

test("two runs are named so that they differ", () => {
  expect(runNames("runs/first", "runs/second")).toEqual(["first", "second"]);
  expect(runNames("/x/a/job/", "/x/b/job")).toEqual(["a/job", "b/job"]);
  expect(runNames("job", "job")).toEqual(["job", "job"]);
});
