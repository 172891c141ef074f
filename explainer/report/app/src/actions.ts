/** What keys and buttons of several places do. */

import { signal } from "@preact/signals";

/** A short message, spoken and shown for a while. */
export const message = signal("");
const MESSAGE_FOR = 2500; // ms
let clearing = 0;

export function say(text: string): void {
  message.value = text;
  window.clearTimeout(clearing);
  clearing = window.setTimeout(() => (message.value = ""), MESSAGE_FOR);
}

export async function copyText(text: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
    say("link copied");
  } catch {
    say(copiedByHand(text) ? "link copied" : "copy the address of this page: it is the link");
  }
}

/** For pages that may not use the clipboard, such as files. */
function copiedByHand(text: string): boolean {
  const area = document.createElement("textarea");
  const focused = document.activeElement;
  area.value = text;
  area.className = "unseen";
  document.body.append(area);
  area.select();
  const copied = document.execCommand("copy");
  area.remove();
  if (focused instanceof HTMLElement) focused.focus();
  return copied;
}

export function focusSearch(): void {
  const boxes = document.querySelectorAll<HTMLInputElement>("input[type=search][data-main]");
  const box = Array.from(boxes).find((candidate) => candidate.offsetParent !== null);
  box?.focus();
  box?.select();
}
