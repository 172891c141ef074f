/** Numbers and names as they are read. */

const MOST_LETTERS = 200;

const ISOLATES = /[\u2066-\u2069]/;
const HALF = /[\ud800-\udbff]$/;
// Letters that go from right to left, and marks that turn what is around them.
const TURNING = /[\u0590-\u08ff\u200e\u200f\u202a-\u202e\u2066-\u2069\ufb1d-\ufdff\ufe70-\ufefc]|[\ud802\ud803\ud83a\ud83b][\udc00-\udfff]/;

/** A text of the run, cut where it is endless; no mark in it ends what it stands in, or goes on behind it. */
export function cut(text: string, most = MOST_LETTERS): string {
  const shown = text.length > most ? `${text.slice(0, most).replace(HALF, "")}…` : text;
  return ISOLATES.test(shown) ? closed(shown) : shown;
}

/** The text for where no `bdi` can stand, in attributes and drawings: what is around it keeps its direction. */
export function isolated(text: string): string {
  return TURNING.test(text) ? `\u2068${text}\u2069` : text;
}

/** Ends of isolates without a beginning are left out, missing ones are added. */
function closed(text: string): string {
  let open = 0;
  const kept = Array.from(text).filter((letter) => {
    if (letter >= "\u2066" && letter <= "\u2068") open++;
    if (letter !== "\u2069") return true;
    if (open) open--;
    else return false;
    return true;
  });
  return kept.join("") + "\u2069".repeat(open);
}

/** 1234567 as "1,234,567". */
export function count(value: number): string {
  return value.toLocaleString("en-US");
}

/** "1 sample", "12 samples". */
export function counted(value: number, word: string, many = `${word}s`): string {
  return `${count(value)} ${value === 1 ? word : many}`;
}

/** A number with about three digits that tell something; an undefined one is a dash. */
export function short(value: number | null | undefined): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return unfinished(value);
  const size = Math.abs(value);
  if (size === 0) return "0";
  if (size < 0.001 || size >= 100000) return minus(value.toExponential(1));
  return minus(size >= 100 ? value.toFixed(0) : size >= 10 ? value.toFixed(1) : value.toFixed(size < 0.1 ? 3 : 2));
}

/** A number to the place at which it is sure, and how far the true one may be from it: "0.0213 ± 0.0021"; 0: "0.0213 exact". */
export function measured(value: number, error: number): string {
  if (!error) return `${minus(fewest(value))} exact`;
  const places = 1 - Math.floor(Math.log10(error));
  const unit = 10 ** -places;
  const stated = Math.ceil(error / unit + 0.5 - 1e-9) * unit; // what is cut off the value counts, too
  if (places >= 0 && places <= 8 && Math.abs(value) < 100000) return `${minus(value.toFixed(places))} ± ${stated.toFixed(places)}`;
  if (!value) return `0 ± ${minus(stated.toExponential(1))}`;
  const digits = Math.max(0, Math.min(20, Math.floor(Math.log10(Math.abs(value))) + places));
  return `${minus(value.toExponential(digits))} ± ${minus(stated.toExponential(1))}`;
}

/** A float32 in the fewest digits that give it back. */
function fewest(value: number): string {
  for (let digits = 1; digits < 9; digits++) if (Math.fround(Number(value.toPrecision(digits))) === value) return String(Number(value.toPrecision(digits)));
  return String(Number(value.toPrecision(9)));
}

/** A probability or a score of 0 to 1 with a fixed number of decimals. */
export function decimals(value: number | null | undefined, places = 2): string {
  return value === null || value === undefined || !Number.isFinite(value) ? unfinished(value) : minus(value.toFixed(places));
}

/** What is no number: a dash, or infinite. */
function unfinished(value: number | null | undefined): string {
  return value === Infinity ? "∞" : value === -Infinity ? "−∞" : "–";
}

/** A number with its sign. */
export function signed(value: number | null | undefined, places = 2): string {
  return `${value && value > 0 ? "+" : ""}${decimals(value, places)}`;
}

export function percent(part: number | null | undefined, places = 0): string {
  return part === null || part === undefined || !Number.isFinite(part) ? unfinished(part) : `${minus((100 * part).toFixed(places))} %`;
}

/** "[0.12, 0.34]"; "" if there is none. */
export function interval(low: number | null, high: number | null, places = 2): string {
  if (low === null || high === null || Number.isNaN(low) || Number.isNaN(high)) return "";
  return `[${decimals(low, places)}, ${decimals(high, places)}]`;
}

/** "2023-11-14 22:13 UTC". */
export function timeWords(time: string | null): string {
  return time ? `${time.slice(0, 16).replace("T", " ")} UTC` : "";
}

const UNITS = [
  ["d", 86400],
  ["h", 3600],
  ["min", 60],
  ["s", 1],
] as const;

/** How long it is from one time to a later one, in the largest unit and the next: "3 h 5 min"; "" where it is not known. */
export function duration(from: string | null, to: string | null): string {
  const seconds = from && to ? Math.round((Date.parse(to) - Date.parse(from)) / 1000) : NaN;
  if (!(seconds >= 0)) return "";
  const at = UNITS.findIndex(([, unit]) => seconds >= unit);
  if (at < 0) return "under 1 s";
  const [[name, unit], next] = [UNITS[at], UNITS[at + 1]];
  const rest = next && seconds < 10 * unit ? Math.floor((seconds % unit) / next[1]) : 0;
  return `${Math.floor(seconds / unit)} ${name}${rest ? ` ${rest} ${next[0]}` : ""}`;
}

export function ordinal(value: number): string {
  const tens = value % 100;
  const ending = tens >= 11 && tens <= 13 ? "th" : (["th", "st", "nd", "rd"][value % 10] ?? "th");
  return `${value}${ending}`;
}

function minus(text: string): string {
  return text.replaceAll("-", "−");
}

export interface Outcome {
  word: string;
  shape: string;
  tone: "right" | "false-positive" | "false-negative" | "muted";
}

/** By the number in the columns: of a sample's most probable label. */
export const PREDICTIONS: readonly Outcome[] = [
  { word: "truth unknown", shape: "○", tone: "muted" },
  { word: "correct", shape: "●", tone: "right" },
  { word: "incorrect", shape: "▲", tone: "false-positive" },
];

/** By the number in the columns: of a row's label. */
export const OUTCOMES: readonly Outcome[] = [
  { word: "truth unknown", shape: "○", tone: "muted" },
  { word: "right", shape: "●", tone: "right" },
  { word: "false positive", shape: "▲", tone: "false-positive" },
  { word: "false negative", shape: "▼", tone: "false-negative" },
  { word: "true negative", shape: "◇", tone: "muted" },
];
