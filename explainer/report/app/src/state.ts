/** What the app knows: the view (the truth; the hash follows it), the run, its columns. */

import { computed, signal } from "@preact/signals";
import { hashOf, viewOf, type Page, type View } from "./routes";
import type { Run } from "./data/types";
import type { Columns } from "./data/columns";

export const view = signal<View>(viewOf(""));
export const run = signal<Run>(undefined as unknown as Run);
/** null while they are read. */
export const columns = signal<Columns | null>(null);
/** Why the columns cannot be read; "" if they can. */
export const columnsFailed = signal("");
export const page = computed<Page>(() => view.value.page);

const WRITE_AFTER = 200; // ms: a browser refuses more than some 100 changes of the address in half a minute
let waiting = 0;

/** Changes what is seen on this page; the address follows, and "back" leaves the page. */
export function show(change: Partial<View>): void {
  view.value = { ...view.value, ...change };
  window.clearTimeout(waiting);
  waiting = window.setTimeout(() => write("replaceState"), WRITE_AFTER);
}

/** Goes to another place: "back" returns to this one. */
export function go(change: Partial<View>): void {
  settle();
  view.value = { ...view.value, ...change };
  write("pushState");
}

/** Changes one parameter that only a page knows; "" takes it out. */
export function showExtra(key: string, text: string): void {
  const { [key]: _, ...others } = view.value.extra;
  show({ extra: text ? { ...others, [key]: text } : others });
}

/** The link to exactly this view. */
export function link(): string {
  return location.href.replace(/#.*$/s, "") + hashOf(view.value);
}

/** Where a link to another page leads, with all else as it is. */
export function hashWith(change: Partial<View>): string {
  return hashOf({ ...view.value, ...change });
}

/** Reads the view from the address, now and whenever it changes. */
export function followAddress(): void {
  const read = () => {
    if (location.hash !== hashOf(view.value)) view.value = viewOf(location.hash);
  };
  read();
  window.addEventListener("hashchange", read);
  window.addEventListener("popstate", read);
}

function settle(): void {
  if (!waiting) return;
  write("replaceState");
}

function write(how: "pushState" | "replaceState"): void {
  window.clearTimeout(waiting);
  waiting = 0;
  const hash = hashOf(view.value);
  if (hash === location.hash) return;
  try {
    history[how](null, "", hash);
  } catch {
    location.hash = hash; // a sandboxed page may not touch its history
  }
}
