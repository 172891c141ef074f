/** Keys and what they do; each page adds its own while it is shown. */

import { signal } from "@preact/signals";
import { useLayoutEffect } from "preact/hooks";

export interface Shortcut {
  /** As `KeyboardEvent.key` names them; any of them. */
  keys: readonly string[];
  /** How the table shows them. */
  shown: string;
  words: string;
  run(event: KeyboardEvent): void;
  /** For a key that works while it is held. */
  release?(): void;
}

/** Whether single keys do something; off for those who speak to their computer (WCAG 2.1.4). */
export const singleKeys = signal(true);
export const shortcuts = signal<readonly (readonly Shortcut[])[]>([]);

/** The key of the table of keys, which closes it, too. */
export const HELP = "?";
const GO_WITHIN = 1500; // ms between `g` and the page's letter
let goTable: Readonly<Record<string, () => void>> = {};
let goUntil = 0;

/** Adds shortcuts as long as a component is there, for what it shows by then; the newest one wins a key. */
export function useShortcuts(make: () => readonly Shortcut[], inputs: readonly unknown[]): void {
  useLayoutEffect(() => {
    const own = make();
    shortcuts.value = [...shortcuts.peek(), own];
    return () => {
      shortcuts.value = shortcuts.peek().filter((other) => other !== own);
    };
  }, inputs);
}

/** Listens to the keyboard. goes: what follows `g`. */
export function listen(goes: Readonly<Record<string, () => void>>): void {
  goTable = goes;
  document.addEventListener("keydown", pressed);
  document.addEventListener("keyup", released);
  window.addEventListener("blur", () => held.forEach((shortcut) => letGo(shortcut)));
}

const held = new Set<Shortcut>();

function pressed(event: KeyboardEvent): void {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
  if (isTyping(event.target) || (isBehindDialog() && event.key !== HELP)) return;
  if (singleKeys.value && goes(event)) return;
  const shortcut = found(event.key);
  if (!shortcut || (event.key.length === 1 && !singleKeys.value)) return;
  if (isControl(event.target) && (event.key === "Enter" || event.key === " " || isArrow(event))) return;
  event.preventDefault();
  if (shortcut.release) {
    if (held.has(shortcut)) return;
    held.add(shortcut);
  }
  shortcut.run(event);
}

function released(event: KeyboardEvent): void {
  for (const shortcut of held) if (shortcut.keys.includes(event.key.toLowerCase())) letGo(shortcut);
}

function letGo(shortcut: Shortcut): void {
  held.delete(shortcut);
  shortcut.release?.();
}

function goes(event: KeyboardEvent): boolean {
  const now = performance.now();
  const target = now < goUntil ? goTable[event.key] : undefined;
  goUntil = event.key === "g" && !target ? now + GO_WITHIN : 0;
  target?.();
  if (target || event.key === "g") event.preventDefault();
  return Boolean(target) || event.key === "g";
}

function found(key: string): Shortcut | undefined {
  for (const own of [...shortcuts.value].reverse()) {
    const shortcut = own.find((candidate) => candidate.keys.includes(key));
    if (shortcut) return shortcut;
  }
  return undefined;
}

/** Whether a dialog is open: its own keys close it, and the page behind it does nothing. */
function isBehindDialog(): boolean {
  return document.querySelector("dialog[open]") !== null;
}

function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target.isContentEditable || target.tagName === "TEXTAREA" || target.tagName === "SELECT") return true;
  return target instanceof HTMLInputElement && !["checkbox", "radio", "range", "button"].includes(target.type);
}

/** Whether Enter, space and arrows already mean something there. */
function isControl(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.matches("button, a, input, summary, [role=menuitem]");
}

function isArrow(event: KeyboardEvent): boolean {
  return event.key.startsWith("Arrow") && (event.target as HTMLElement).tagName === "INPUT";
}
