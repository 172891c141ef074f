/** A served run that goes on: how it stands now, and what is new since the page was filled. */

import { signal } from "@preact/signals";
import { columnChunks, gridChunks, gridKey, scoreChunks } from "./data/run";
import { jsonAt, Polled, reasonOf } from "./data/server";
import type { Run } from "./data/types";
import { columns, run, view } from "./state";
import { counted } from "./words";

/** What the server says of a run. */
export interface Status {
  /** Of the rows; a row of an edition stays what it is. "": what is shown is not there any more. */
  edition: string;
  state: Run["run"]["state"];
  samples: number;
  /** Of how many samples the maps were measured. */
  measured: number;
  /** Seconds since something was written; null: not known. */
  age: number | null;
}

/** How it stood, and when that was heard (ms). */
interface Heard extends Status {
  at: number;
}

export type Moment = readonly [at: number, samples: number];

const EVERY = 2000; // ms
const MOST_MOMENTS = 30;
const FEWEST_SECONDS = 3;

/** null: not a served page, or nothing was heard yet. */
export const heard = signal<Heard | null>(null);
/** Why nothing is heard; "" if something is. */
export const silent = signal("");
/** When something was heard last (ms). */
export const heardLast = signal(0);
/** The time, as often as is asked. */
export const now = signal(0);
export const renewing = signal(false);
let moments: Moment[] = [];

/** Samples per second over the last moments; null where it cannot be told. */
export function rateOf(seen: readonly Moment[]): number | null {
  const [first, last] = [seen[0], seen[seen.length - 1]];
  const seconds = first && last ? (last[0] - first[0]) / 1000 : 0;
  return seconds < FEWEST_SECONDS || last[1] <= first[1] ? null : (last[1] - first[1]) / seconds;
}

/** "412 samples so far · 3.1 per second · updated 2 s ago". */
export function progressWords(status: Status, rate: number | null, sinceHeard: number): string {
  const age = status.age === null ? "" : `updated ${durationWords(status.age + sinceHeard)} ago`;
  const speed = rate === null ? "" : rate >= 0.95 ? `${rate.toFixed(1)} per second` : `${(60 * rate).toFixed(1)} per minute`;
  return [`${counted(status.samples, "sample")} so far`, speed, age].filter(Boolean).join(" · ");
}

export function durationWords(seconds: number): string {
  if (seconds < 90) return `${Math.round(seconds)} s`;
  return seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3600)} h`;
}

export function progress(): string {
  const status = heard.value;
  return status ? progressWords(status, rateOf(moments), Math.max(0, now.value - status.at) / 1000) : "";
}

/** What is other than the page shows. */
export type News =
  | { kind: "none" }
  | { kind: "samples"; count: number }
  | { kind: "measured" }
  | { kind: "other rows" };

/** What a status has that is not shown yet. */
export function newsOf(status: Status, shown: { edition: string; measured: number; samples: number; state: string }): News {
  if (status.edition !== shown.edition || status.samples < shown.samples) return { kind: "other rows" };
  if (status.samples > shown.samples) return { kind: "samples", count: status.samples - shown.samples };
  const done = status.measured >= status.samples && shown.measured < status.samples;
  return done || status.state !== shown.state ? { kind: "measured" } : { kind: "none" };
}

export function news(): News {
  const status = heard.value;
  const { served, run: facts } = run.value;
  if (!status || !served || !columns.value) return { kind: "none" };
  return newsOf(status, { ...served, samples: columns.value.samples, state: facts.state });
}

/** Asks how the run stands, as long as the page is looked at. */
export function follow(): void {
  if (!run.value.served) return;
  const status = new Polled<Status>("state.json");
  const ask = async () => {
    if (!document.hidden) await listen(status);
    window.setTimeout(() => void ask(), EVERY);
  };
  void ask();
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) void listen(status);
  });
}

async function listen(polled: Polled<Status>): Promise<void> {
  try {
    take(await polled.next());
    silent.value = "";
  } catch (error) {
    silent.value = reasonOf(error);
  }
  now.value = Date.now();
}

function take(status: Status | null): void {
  const at = Date.now();
  heardLast.value = at;
  if (status) {
    heard.value = { ...status, at };
    if (status.samples !== moments[moments.length - 1]?.[1]) moments = [...moments, [at, status.samples] as const].slice(-MOST_MOMENTS);
  }
  if (news().kind === "measured" && view.peek().sort !== "disagreement") void renew();
}

/** Shows what is new: the facts and the columns are read again, and of the rest what holds the last rows. */
export async function renew(): Promise<void> {
  if (renewing.value) return;
  renewing.value = true;
  try {
    const before = run.value;
    const facts = await jsonAt<Run>("run.json");
    if (facts.served?.edition !== before.served?.edition) return location.reload();
    run.value = facts;
    const partial = gridKey(before.rows);
    await Promise.all([columnChunks.renew(() => true), scoreChunks.renew(() => true), gridChunks.renew((key) => key === partial)]);
  } catch (error) {
    silent.value = reasonOf(error);
  } finally {
    renewing.value = false;
  }
}
