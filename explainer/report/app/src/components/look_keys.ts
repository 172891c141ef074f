import { useEffect } from "preact/hooks";
import { say } from "../actions";
import { useShortcuts } from "../keyboard";
import { peeking } from "../rows";
import { show, view } from "../state";
import { SIGNED, UNSIGNED } from "../view/palettes";
import { percent } from "../words";
import { BLENDS, SCALES } from "./look_menu";

/** The keys that change how maps are shown. */
export function useLookKeys(): void {
  useShortcuts(
    () => [
      {
        keys: ["o"],
        shown: "o",
        words: "hold: no maps",
        run: () => (peeking.value = true),
        release: () => (peeking.value = false),
      },
      { keys: ["-"], shown: "-", words: "less opacity", run: () => fade(-0.1) },
      { keys: ["=", "+"], shown: "=", words: "more opacity", run: () => fade(0.1) },
      { keys: ["p"], shown: "p", words: "next palette", run: nextPalette },
      { keys: ["s"], shown: "s", words: "next scale", run: () => next(SCALES, view.peek().scale, (scale) => show({ scale })) },
      { keys: ["b"], shown: "b", words: "next blend", run: () => next(BLENDS, view.peek().blend, (blend) => show({ blend })) },
    ],
    [],
  );
  useEffect(() => () => void (peeking.value = false), []);
}

function fade(by: number): void {
  const opacity = Math.round(100 * Math.max(0, Math.min(1, view.peek().opacity + by))) / 100;
  show({ opacity });
  say(`opacity ${percent(opacity)}`);
}

function nextPalette(): void {
  const { palette, signed } = view.peek();
  next(UNSIGNED, palette, (key) => show({ palette: key }));
  if (view.peek().palette === UNSIGNED[0].key) next(SIGNED, signed, (key) => show({ signed: key }));
}

function next<T extends string>(list: readonly { key: T; words: string }[], current: T, choose: (key: T) => void): void {
  const at = list.findIndex(({ key }) => key === current);
  const chosen = list[(at + 1) % list.length];
  choose(chosen.key);
  say(chosen.words);
}
