import type { Blend, Scale, View } from "../routes";
import { show, view } from "../state";
import { SIGNED, UNSIGNED } from "../view/palettes";
import { percent, short } from "../words";
import { Choices, Slider } from "./choices";
import { Menu } from "./menu";
import { PaletteBar } from "./palette_bar";

export const BLENDS: readonly { key: Blend; words: string }[] = [
  { key: "value", words: "by value" },
  { key: "flat", words: "flat" },
  { key: "map", words: "map only" },
  { key: "picture", words: "picture only" },
];
export const SCALES: readonly { key: Scale; words: string }[] = [
  { key: "map", words: "each map" },
  { key: "run", words: "each method" },
  { key: "fixed", words: "fixed" },
];

/** How the maps are shown: palette, blend, scale, opacity. */
export function LookMenu() {
  const { palette, blend, scale } = view.value;
  const wordsOf = (list: readonly { key: string; words: string }[], key: string) =>
    list.find((entry) => entry.key === key)?.words ?? key;
  return (
    <Menu label="How maps are shown" words={`${palette} · ${wordsOf(SCALES, scale)} · ${wordsOf(BLENDS, blend)}`}>
      <LookPanel />
    </Menu>
  );
}

export function LookPanel() {
  const { palette, signed, blend, scale, low, high, opacity } = view.value;
  return (
    <div class="look-panel">
      <div>
        <Palettes title="Palette" field="palette" value={palette} list={UNSIGNED} />
        <Palettes title="With signs: against – for" field="signed" value={signed} list={SIGNED} />
      </div>
      <div>
        <Choices title="Blend" name="blend" value={blend} choices={BLENDS} choose={(key) => show({ blend: key })} />
        <Slider
          title="Opacity"
          value={opacity}
          min={0}
          max={1}
          step={0.05}
          words={percent(opacity)}
          change={(value) => show({ opacity: value })}
        />
        <Choices title="Scale" name="scale" value={scale} choices={SCALES} choose={(key) => show({ scale: key })} />
        <div class="ends">
          <End title="from" field="low" value={low} />
          <End title="to" field="high" value={high} />
        </div>
      </div>
    </div>
  );
}

interface PalettesProps<T extends string> {
  title: string;
  field: keyof View;
  value: T;
  list: readonly { key: T; words: string }[];
}

function Palettes<T extends string>({ title, field, value, list }: PalettesProps<T>) {
  return (
    <fieldset class="choices">
      <legend>{title}</legend>
      {list.map(({ key, words }) => (
        <label key={key} class="choice">
          <input type="radio" name={field} value={key} checked={key === value} onChange={() => show({ [field]: key })} />
          <PaletteBar palette={key} />
          {words}
        </label>
      ))}
    </fieldset>
  );
}

function End({ title, field, value }: { title: string; field: "low" | "high"; value: number }) {
  const change = (event: Event) => {
    const number = (event.currentTarget as HTMLInputElement).valueAsNumber;
    if (Number.isFinite(number)) show({ [field]: number, scale: "fixed" });
  };
  return (
    <label>
      {title} <input type="number" step="any" value={value} onChange={change} />
    </label>
  );
}

/** What the colours mean now, in one line. */
export function scaleWords(): string {
  const { scale, low, high } = view.value;
  if (scale === "fixed") return `${short(low)} … ${short(high)}`;
  return scale === "run" ? "p1 … p99 of each method" : "least … p99 of each map";
}
