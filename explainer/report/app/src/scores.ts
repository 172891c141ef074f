/** The scores of the run, and how the view shows them. */

import { computed } from "@preact/signals";
import { run, view } from "./state";
import { ScoreBook, weightsOf, type Part } from "./view/scores";

export const book = computed(() => new ScoreBook(run.value));

/** Of which samples the means are. */
export const part = computed<Part>(() => {
  const { of } = view.value.extra;
  return of === "correct" || of === "incorrect" ? of : "all";
});

/** What each metric counts in the user's weighting, by metric; null: there is none. */
export const weights = computed(() => weightsOf(view.value.extra.w, run.value.metrics.length));
