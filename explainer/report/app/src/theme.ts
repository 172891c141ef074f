/** Light or dark: the system's, or the one chosen here. */

import { computed, effect, signal } from "@preact/signals";

export type Theme = "light" | "dark";

const KEY = "explainer-theme";
const system = window.matchMedia("(prefers-color-scheme: dark)");
const systemDark = signal(system.matches);
const paper = window.matchMedia("print");
/** Whether the page is being printed. */
export const printing = signal(paper.matches);
const chosen = signal<Theme | "">(remembered());

/** Paper is light. */
export const theme = computed<Theme>(() => (printing.value ? "light" : chosen.value || (systemDark.value ? "dark" : "light")));

export function switchTheme(): void {
  chosen.value = theme.value === "dark" ? "light" : "dark";
  try {
    localStorage.setItem(KEY, chosen.value);
  } catch {
    // a sandboxed page has no storage; the choice lasts as long as the page
  }
}

export function followTheme(): void {
  system.addEventListener("change", (event) => (systemDark.value = event.matches));
  paper.addEventListener("change", (event) => (printing.value = event.matches));
  effect(() => document.documentElement.setAttribute("data-theme", theme.value));
}

function remembered(): Theme | "" {
  try {
    const text = localStorage.getItem(KEY);
    return text === "light" || text === "dark" ? text : "";
  } catch {
    return "";
  }
}

const METHODS = {
  light: ["#0072B2", "#C24E00", "#007D5A", "#B0487F", "#2E7FAE", "#996800", "#5D5D5D", "#6A51A3"],
  dark: ["#56B4E9", "#F28E4B", "#33C29A", "#E08FBF", "#8CCBF0", "#E6B83D", "#B5B5B5", "#B3A2E0"],
};
const DASHES = ["", "6 3", "2 2", "8 3 2 3", "1 3", "10 4", "4 2 1 2 1 2", "12 2 2 2"];

/** The colour of a method, by its place in the run; a control is muted. */
export function methodColour(index: number, control = false): string {
  return control ? "var(--muted)" : METHODS[theme.value][index % 8];
}

/** The dashes of its line: a colour is never all that tells methods apart. */
export function methodDash(index: number, control = false): string {
  return control ? "3 3" : DASHES[index % 8];
}
