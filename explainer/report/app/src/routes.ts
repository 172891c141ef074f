/** The whole state of the view, and its spelling in the hash: `#/samples?sort=margin&truth=3,5`. */

export const PAGES = ["overview", "samples", "sample", "scores", "classes", "edits", "compare", "about", "runs"] as const;
export type Page = (typeof PAGES)[number];

export type Range = readonly [number, number];
export type Blend = "value" | "flat" | "map" | "picture";
export type Scale = "map" | "run" | "fixed";
export type Unsigned = "viridis" | "cividis" | "magma" | "grey";
export type Signed = "rdbu" | "puor";
export type EditsFacet = "" | "with" | "without" | "failed";

/** What is seen: everything a link must bring back. */
export interface View {
  page: Page;
  /** The number of the sample on its own page, else -1. */
  sample: number;
  /** The explained label that is shown there; -1: the first. */
  label: number;

  /** The filter of the samples. */
  search: string;
  outcome: readonly number[];
  /** Of the top label: 0 truth unknown, 1 correct, 2 incorrect. */
  correct: readonly number[];
  truth: readonly number[];
  top: readonly number[];
  confidence: Range | null;
  uncertainty: Range | null;
  edits: EditsFacet;

  /** `number`, `confidence`, …, or `score.METRIC.METHOD`. */
  sort: string;
  descending: boolean;
  rows: "sample" | "label";
  /** Rows chosen with `L` in place of their sample's first. */
  picked: readonly number[];
  /** The shown methods in their order; null: all. */
  methods: readonly number[] | null;
  /** The metric whose scores stand below the maps; -1: none. */
  metric: number;
  /** Width of a cell in pixels; 0: what fits. */
  size: number;

  palette: Unsigned;
  signed: Signed;
  blend: Blend;
  scale: Scale;
  low: number;
  high: number;
  opacity: number;

  /** The focused row and column of the grid; -1: none. */
  row: number;
  column: number;
  /** Of the sample's pictures: pixels of the screen for one of the picture (0: fit), and the centre in the picture, 0 to 1. */
  zoom: number;
  centre: Range;
  /** The shown layer of the edits; -1: the last. */
  layer: number;

  /** Parameters that only one page knows, by their names. */
  extra: Readonly<Record<string, string>>;
}

export const DEFAULTS: View = {
  page: "overview",
  sample: -1,
  label: -1,
  search: "",
  outcome: [],
  correct: [],
  truth: [],
  top: [],
  confidence: null,
  uncertainty: null,
  edits: "",
  sort: "number",
  descending: false,
  rows: "sample",
  picked: [],
  methods: null,
  metric: 0,
  size: 0,
  palette: "viridis",
  signed: "rdbu",
  blend: "value",
  scale: "map",
  low: 0,
  high: 1,
  opacity: 0.8,
  row: -1,
  column: -1,
  zoom: 0,
  centre: [0.5, 0.5],
  layer: -1,
  extra: {},
};

interface Codec<T> {
  key: string;
  /** undefined: no such value, the default stands. */
  read(text: string): T | undefined;
  write(value: T): string;
}

type Spelled = Omit<View, "page" | "sample" | "extra">;

const CODECS: { [Field in keyof Spelled]: Codec<Spelled[Field]> } = {
  label: whole("label"),
  search: { key: "q", read: (text) => text.slice(0, 200), write: (value) => value },
  outcome: wholes("outcome"),
  correct: wholes("correct"),
  truth: wholes("truth"),
  top: wholes("top"),
  confidence: range("p"),
  uncertainty: range("u"),
  edits: choice("edits", ["", "with", "without", "failed"]),
  sort: { key: "sort", read: (text) => (/^[a-z]+(\.\d+){0,2}$/.test(text) ? text : undefined), write: (value) => value },
  descending: { key: "down", read: (text) => text === "1", write: (value) => (value ? "1" : "0") },
  rows: choice("rows", ["sample", "label"]),
  picked: wholes("picked"),
  methods: {
    key: "methods",
    read: (text) => (text === "none" ? [] : wholes("").read(text)),
    write: (value) => (value && value.length ? value.join(",") : "none"),
  },
  metric: whole("metric"),
  size: whole("size"),
  palette: choice("palette", ["viridis", "cividis", "magma", "grey"]),
  signed: choice("signed", ["rdbu", "puor"]),
  blend: choice("blend", ["value", "flat", "map", "picture"]),
  scale: choice("scale", ["map", "run", "fixed"]),
  low: real("low"),
  high: real("high"),
  opacity: real("opacity", 0, 1),
  row: whole("row"),
  column: whole("column"),
  zoom: real("zoom", 0, 64),
  centre: { key: "centre", read: (text) => range("").read(text) ?? undefined, write: (value) => value.map((part) => part.toFixed(4)).join("~") },
  layer: whole("layer"),
};
const FIELDS = Object.keys(CODECS) as (keyof Spelled)[];
/** What only a sample's own page shows: elsewhere it does not stand in the hash. */
const OF_A_SAMPLE: ReadonlySet<string> = new Set<keyof Spelled>(["label", "zoom", "centre", "layer"]);
const KNOWN = new Set(FIELDS.map((field) => CODECS[field].key));

/** The view that a hash spells; what cannot be read has its default. */
export function viewOf(hash: string): View {
  const [path, query = ""] = hash.replace(/^#?\/?/, "").split("?", 2);
  const view: View = { ...DEFAULTS, ...place(path) };
  const extra: Record<string, string> = {};
  for (const [key, text] of new URLSearchParams(query)) if (!KNOWN.has(key)) extra[key] = text;
  const given = new URLSearchParams(query);
  for (const field of FIELDS) readField(view, field, given);
  return { ...view, extra };
}

function readField<Field extends keyof Spelled>(view: View, field: Field, given: URLSearchParams): void {
  const text = given.get(CODECS[field].key);
  const value = text === null ? undefined : (CODECS[field] as Codec<View[Field]>).read(text);
  if (value !== undefined) view[field] = value;
}

function place(path: string): { page: Page; sample: number } {
  const [first, second] = path.split("/");
  const page = PAGES.find((known) => known === first) ?? "overview";
  const sample = page === "sample" ? Math.max(-1, whole("").read(second ?? "") ?? -1) : -1;
  return { page: page === "sample" && sample < 0 ? "samples" : page, sample };
}

/** The hash of a view: only what is not a default stands in it. */
export function hashOf(view: View): string {
  const fields = view.page === "sample" ? FIELDS : FIELDS.filter((field) => !OF_A_SAMPLE.has(field));
  const parts = fields.flatMap((field) => spelled(view, field));
  for (const [key, text] of Object.entries(view.extra)) parts.push(`${encodeURIComponent(key)}=${plain(text)}`);
  const path = view.page === "overview" ? "" : view.page === "sample" ? `sample/${view.sample}` : view.page;
  return `#/${path}${parts.length ? `?${parts.join("&")}` : ""}`;
}

function spelled<Field extends keyof Spelled>(view: View, field: Field): string[] {
  const codec = CODECS[field] as Codec<View[Field]>;
  const value = view[field];
  const same = value === DEFAULTS[field] || JSON.stringify(value) === JSON.stringify(DEFAULTS[field]);
  return same ? [] : [`${codec.key}=${plain(codec.write(value))}`];
}

/** Text for the hash; commas and such stay readable. */
function plain(text: string): string {
  return encodeURIComponent(text).replace(/%2C/g, ",").replace(/%3A/g, ":");
}

function whole(key: string): Codec<number> {
  return { key, read: (text) => (/^-?\d{1,9}$/.test(text) ? Number(text) : undefined), write: String };
}

function wholes(key: string): Codec<readonly number[]> {
  const read = (text: string) => (/^\d{1,9}(,\d{1,9})*$/.test(text) ? text.split(",").map(Number) : undefined);
  return { key, read, write: (value) => value.join(",") };
}

function real(key: string, least = -Infinity, most = Infinity): Codec<number> {
  const read = (text: string) => {
    const value = text.trim() === "" ? NaN : Number(text);
    return Number.isFinite(value) && value >= least && value <= most ? value : undefined;
  };
  return { key, read, write: (value) => String(Number(value.toPrecision(6))) };
}

function range(key: string): Codec<Range | null> {
  const read = (text: string): Range | undefined => {
    const [low, high, ...more] = text.split("~").map(Number);
    return more.length === 0 && Number.isFinite(low) && Number.isFinite(high) ? [low, high] : undefined;
  };
  const write = (value: Range | null) => (value ?? []).map((end) => String(Number(end.toPrecision(6)))).join("~");
  return { key, read, write };
}

function choice<T extends string>(key: string, choices: readonly T[]): Codec<T> {
  return { key, read: (text) => choices.find((known) => known === text), write: (value) => value };
}
