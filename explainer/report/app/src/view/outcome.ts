/** What a row's label is to its sample, in words. */

import type { Columns } from "../data/columns";
import { OUTCOMES, type Outcome } from "../words";

const FALSE_NEGATIVE = 3;
const TRUE_NEGATIVE = 4;
const CORRECT_BELOW: Outcome = { word: "correct, below the threshold", shape: "●", tone: "right" };
const INCORRECT_BELOW: Outcome = { word: "incorrect, below the threshold", shape: "▲", tone: "false-positive" };

/** Of the most probable label, whose probability may be below the threshold, it is told whether the network is right. */
export function outcomeOf({ column, of }: Columns, row: number): Outcome {
  const code = column.outcome[row];
  if (column.label[row] === column.top[of[row]]) {
    if (code === FALSE_NEGATIVE) return CORRECT_BELOW;
    if (code === TRUE_NEGATIVE) return INCORRECT_BELOW;
  }
  return OUTCOMES[code];
}
