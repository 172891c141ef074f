import { expect, test } from "vitest";
import { Columns } from "../src/data/columns";
import { outcomeOf } from "../src/view/outcome";
import { columnsOf } from "./chunk";

const rows = [4, 3, 1].map((outcome) => ({ label: 2, outcome, first: true }));
const sample = (number: number, top: number, row: (typeof rows)[number]) => ({ number, name: "", truth: [2], top, p_top: 0.3, total: NaN, rows: [row] });

test("of the most probable label it is told whether the network is right, also where it is not sure", () => {
  const columns = new Columns(columnsOf([sample(0, 2, rows[0]), sample(1, 2, rows[1]), sample(2, 2, rows[2]), sample(3, 0, rows[1]), sample(4, 0, rows[0])]));
  const words = [0, 1, 2, 3, 4].map((row) => outcomeOf(columns, row).word);
  expect(words).toEqual(["incorrect, below the threshold", "correct, below the threshold", "right", "false negative", "true negative"]);
});
