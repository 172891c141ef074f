/** Two runs beside each other. */

import type { Comparison, Interval, Run } from "../data/types";

export type Side = "a" | "b";

/** Which of both the report is of. */
export function ownSide({ a, b }: Pick<Comparison, "a" | "b">, { run }: { run: Pick<Run["run"], "name" | "event_file"> }): Side {
  const isOwn = ({ folder, event_file }: Comparison["a"]) => event_file === run.event_file && partsOf(folder).at(-1) === run.name;
  return isOwn(b) && !isOwn(a) ? "b" : "a";
}

/** An axis for differences: 0 in the middle. */
export function differencesDomain(differences: readonly Interval[]): [number, number] {
  const ends = differences.flatMap(({ mean, low, high }) => [mean, low, high]).filter((value) => value !== null);
  const most = Math.max(0, ...ends.map(Math.abs)) * 1.06 || 1;
  return [-most, most];
}

/** The names of two folders, with as much of what is above them as tells them apart. */
export function runNames(...folders: [string, string]): [string, string] {
  const [a, b] = folders.map(partsOf);
  let parts = 1;
  const ends = () => [a.slice(-parts).join("/"), b.slice(-parts).join("/")] as [string, string];
  while (ends()[0] === ends()[1] && parts < Math.max(a.length, b.length)) parts++;
  return ends();
}

function partsOf(folder: string): string[] {
  return folder.split(/[\\/]/).filter(Boolean);
}
