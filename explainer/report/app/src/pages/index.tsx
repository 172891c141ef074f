/** The pages, in the order of the rail. */

import type { FunctionComponent } from "preact";
import type { Page } from "../routes";
import { run } from "../state";
import { lacksEdits, lacksOther, lacksScores, lacksTruth, nothing } from "../lacks";
import { About } from "./about";
import { Classes } from "./classes";
import { Compare } from "./compare";
import { Edits } from "./edits";
import { Overview } from "./overview";
import { Runs } from "./runs";
import { Sample } from "./sample";
import { Samples } from "./samples";
import { Scores } from "./scores";

export interface PageEntry {
  key: Page;
  title: string;
  Shown: FunctionComponent;
  /** After `g`; "" for a page that no key opens. */
  letter: string;
  /** The lines of its sign, in a square of 20. */
  sign: string;
  /** Why the run has nothing for it; "" if it has. */
  lacks(): string;
}

const PAGE_LIST: readonly PageEntry[] = [
  { key: "overview", title: "Overview", Shown: Overview, letter: "o", sign: "M3 3h6v8H3zM11 3h6v4h-6zM11 9h6v8h-6zM3 13h6v4H3z", lacks: nothing },
  { key: "samples", title: "Samples", Shown: Samples, letter: "s", sign: "M3 4h4v4H3zM9 4h8M9 8h8M3 12h4v4H3zM9 12h8M9 16h8", lacks: nothing },
  { key: "scores", title: "Scores", Shown: Scores, letter: "m", sign: "M3 5h14M3 10h14M3 15h14M6 3v4M13 8v4M9 13v4", lacks: lacksScores },
  { key: "classes", title: "Classes", Shown: Classes, letter: "c", sign: "M3 3h14v14H3zM3 7.7h14M3 12.3h14M7.7 3v14M12.3 3v14", lacks: lacksTruth },
  { key: "edits", title: "Edits", Shown: Edits, letter: "e", sign: "M3 3h14v14H3zM6 6h5v5H6zM13 12h2v3h-2z", lacks: lacksEdits },
  { key: "compare", title: "Compare", Shown: Compare, letter: "d", sign: "M3 4h6v12H3zM11 4h6v12h-6zM5 8h2M13 8h2M13 12h2", lacks: lacksOther },
  { key: "about", title: "About", Shown: About, letter: "a", sign: "M10 3a7 7 0 1 0 0 14a7 7 0 1 0 0-14M10 9v5M10 6v.5", lacks: nothing },
];

const RUNS: PageEntry = { key: "runs", title: "Runs", Shown: Runs, letter: "r", sign: "M3 4h14M3 8h14M3 12h14M3 16h14", lacks: nothing };
const SAMPLE: PageEntry = { key: "sample", title: "Sample", Shown: Sample, letter: "", sign: "", lacks: nothing };

/** All pages that this one has; a list of runs only where it is served. */
export function pageList(): readonly PageEntry[] {
  return run.value.served ? [...PAGE_LIST, RUNS] : PAGE_LIST;
}

export function pageOf(key: Page): PageEntry {
  return key === "sample" ? SAMPLE : (pageList().find((entry) => entry.key === key) ?? PAGE_LIST[0]);
}
