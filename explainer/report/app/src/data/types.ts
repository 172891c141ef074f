/** The shapes of the data that Python writes (format 1). null: undefined or not known. */

import type { RawMap } from "../view/raw";

export interface Summary {
  mean: number | null;
  median: number | null;
  deviation: number | null;
  /** A 95 % interval of the mean. */
  low: number | null;
  high: number | null;
  n: number;
  undefined: number;
  /** Among all methods by the mean, 1 for the best; two with scores of other samples are compared by those that both have. */
  rank: number | null;
  /** The controls, as places in the list of methods, that it is better than by paired differences, and those of which there are too few pairs. */
  better_than: number[];
  too_few: number[];
}

export interface Statistics {
  metric: number;
  method: number;
  rank: number | null;
  all: Summary;
  correct: Summary;
  incorrect: Summary;
  /** By label, in parallel; only labels with scores. */
  labels: { label: number[]; mean: (number | null)[]; n: number[]; undefined: number[] };
}

export interface Method {
  name: string;
  kind: "method" | "control";
  /** Whether any of its maps has a value below 0. */
  signed: boolean;
  p01: number | null;
  p99: number | null;
  maps: number;
  constant_maps: number;
  largest_gap: number | null;
  settings: Readonly<Record<string, unknown>>;
}

export interface Metric {
  name: string;
  class: string | null;
  better: "higher" | "lower";
  low: number | null;
  high: number | null;
  unit: string;
  question: string;
  formula: string;
  per_label: boolean;
  /** Whether its chunk score-K exists. */
  scores: boolean;
  settings: Readonly<Record<string, unknown>>;
}

export interface MeanCurve {
  metric: number;
  method: number;
  fill: string;
  n: number;
  area: number | null;
  x: number[];
  mean: (number | null)[];
  low: (number | null)[];
  high: (number | null)[];
}

export interface Calibration {
  kind: "classes" | "labels";
  compared: number;
  brier: number | null;
  ece: number | null;
}

export interface Run {
  format: number;
  version: string;
  form: "single" | "folder" | "served";
  /** Whether the samples have chunks of their own. */
  detail: boolean;
  cell: number;
  rows_per_chunk: number;
  rows: number;
  samples: number;
  run: {
    name: string;
    event_file: string;
    timestamp: number;
    started: string | null;
    /** null: it did not end as planned. */
    ended: string | null;
    state: "running" | "ended" | "not ended" | "damaged" | "repaired";
    complete: boolean;
    package_version: string;
    labels: string[];
    jobs: string[];
    network: string | null;
    dataset: unknown;
    provenance: Readonly<Record<string, unknown>>;
    parameters: Readonly<Record<string, unknown>>;
    repaired: string;
    resumed: Readonly<Record<string, unknown>>[];
  };
  counts: {
    correct: number;
    incorrect: number;
    with_truth: number;
    unfinished: number;
    skipped: number;
    maps: number;
    damaged_cells: number;
    damaged_raw_maps: number;
    with_uncertainty: number;
    with_edits: number;
    with_scores: number;
  };
  methods: Method[];
  metrics: Metric[];
  statistics: Statistics[];
  totals: Readonly<Record<string, unknown>>[];
  /** On how many samples the controls, and curves with further fills, are; null: on all. */
  control_samples: { samples: number } | null;
  curves: MeanCurve[];
  calibration: { of_predictions: Calibration; of_mean_draws: Calibration | null } | null;
  uncertainty: Readonly<Record<string, unknown>> | null;
  hierarchical_occlusion: Readonly<Record<string, unknown>> | null;
  findings: { offset: number; what: string }[];
  findings_in_all: number;
  skipped: { sample: number; reason: string }[];
  unfinished: number[];
  bytes: { events: number; pictures: number };
  /** Of a served page: the edition of its rows, and of how many samples the maps were measured. */
  served?: { edition: string; measured: number };
  /** This run beside another one, where the report was written against it. */
  compare?: Comparison | null;
}

export interface Interval {
  mean: number | null;
  low: number | null;
  high: number | null;
}

/** "better", "worse", "not distinguishable", "same"; null for too few samples. Of the second run. */
export type Verdict = string | null;

/** In both runs, and their difference b - a. */
interface Paired {
  a: Interval;
  b: Interval;
  difference: Interval;
  verdict: Verdict;
  samples: number;
}

export interface ScoreChange extends Paired {
  metric: string;
  higher_is_better: boolean;
  explainer: string;
  control: boolean;
  undefined_pairs: number;
}

export interface ChangedSample {
  name: string;
  sample_a: number;
  sample_b: number;
  true_labels: string[];
  a: { label: string; probability: number | null };
  b: { label: string; probability: number | null };
}

export interface ComparedRun {
  folder: string;
  event_file: string;
  state: string;
  samples: number;
}

interface InBoth {
  in_both: string[];
  only_in_a: string[];
  only_in_b: string[];
}

export interface MapChange {
  explainer: string;
  mean: number | null;
  median: number | null;
  lowest: number | null;
  samples: number;
  constant_pairs: number;
  unreadable_pairs: number;
  resized_pairs: number;
  most_changed: { name: string; sample_a: number; correlation: number | null }[];
}

/** As `explainer compare --json` has it, this run being "a"; of long lists the beginning. */
export interface Comparison {
  a: ComparedRun;
  b: ComparedRun;
  /** How many pictures and maps of b cannot be shown. */
  damaged_in_b: number;
  paired: {
    by: string;
    samples: number;
    only_in_a: string[];
    only_in_b: string[];
    only_in_a_in_all: number;
    only_in_b_in_all: number;
    other_input: number;
    input_unknown: number;
  };
  differences: { name: string; a: unknown; b: unknown }[];
  explainers: InBoth;
  metrics: InBoth;
  predictions: Paired & {
    both_correct: number;
    both_incorrect: number;
    became_correct: ChangedSample[];
    became_incorrect: ChangedSample[];
    /** Another top label that makes nothing correct or incorrect. */
    relabelled: ChangedSample[];
    became_correct_in_all: number;
    became_incorrect_in_all: number;
    relabelled_in_all: number;
    other_true_labels: number;
    other_top_label: number;
  };
  scores: ScoreChange[];
  scores_left_out: boolean;
  maps: MapChange[];
}

/** An array as a header describes it; it is replaced by its numbers when a chunk is decoded. */
export interface ArrayPlace {
  at: number;
  n: number;
  type: "u8" | "u16" | "u32" | "i32" | "f32";
}

export interface Unreadable {
  flag: 2;
  reason: string;
}

export interface Size {
  width: number;
  height: number;
}

/** A small picture: planes of w x h reds, greens, blues. width, height: of the picture itself. */
export interface ImageCell extends Size {
  flag: 1;
  w: number;
  h: number;
  rgb: Uint8Array;
  text: string;
}

/** A small map: value = lo + g / 255 (hi - lo). p99: of the whole map, see `scales`. */
export interface MapCell extends Size {
  flag: 1;
  method: number;
  w: number;
  h: number;
  lo: number;
  hi: number;
  p99: number;
  values: Uint8Array;
  text: string;
}

export type AnyImageCell = ImageCell | (Unreadable & { text: string });
export type AnyMapCell = MapCell | (Unreadable & { method: number; text: string });

export interface GridRow {
  image: AnyImageCell;
  maps: AnyMapCell[];
}

export interface GridChunk {
  first: number;
  rows: GridRow[];
}

/** The rows of another run, in the places of this run's own; null: it has not the sample. image null: the same picture. */
export interface OtherChunk {
  first: number;
  rows: ({ image: AnyImageCell | null; maps: AnyMapCell[] } | null)[];
}

/** The other run by this run's samples and rows. */
export interface PairsChunk {
  rows: number;
  samples: number;
  columns: {
    /** The number of the sample there; -1: it is not there. */
    other: Int32Array;
    top: Int32Array;
    correct: Uint8Array;
    p_top: Float32Array;
    /** Of each row: the label's probability, the mean rank correlation of both runs' maps, how many maps there are. */
    p: Float32Array;
    likeness: Float32Array;
    maps: Uint8Array;
  };
}

export interface ScoreChunk {
  metric: number;
  methods: number;
  /** Of row r and method m at r * methods + m; nan: undefined. */
  values: Float32Array;
}

export interface PictureFile extends Size {
  flag: 1;
  png: Uint8Array<ArrayBuffer>;
}

export type AnyPicture = PictureFile | Unreadable;

export type AnyRawMap = (RawMap & { flag: 1 }) | Unreadable;

export type DetailMap = AnyPicture & {
  method: number;
  label: number;
  lo: number;
  hi: number;
  gap: number | null;
  /** The map as floats, where the run kept it. */
  raw: AnyRawMap | null;
};

export interface DetailScore {
  metric: number;
  method: number;
  label: number | null;
  value: number | null;
}

export interface DetailCurve {
  metric: number;
  method: number;
  label: number;
  fill: string;
  area: number | null;
  x: Float32Array;
  y: Float32Array;
}

export type Box = readonly [x: number, y: number, width: number, height: number];

/** Where the objects of the true labels are, in pixels of an image of this size; in_all: how many there are. */
export interface Objects {
  size: readonly [number, number];
  objects: { label: number; box: Box }[];
  in_all: number;
}

export interface EditLayer {
  p: number;
  part: number | null;
  boxes: Box[];
}

export interface Edits {
  label: number;
  mask: string;
  by_masking: boolean;
  size: readonly [number, number] | null;
  part: number | null;
  reason: string;
  layers: EditLayer[];
}

export interface Draws {
  mean: Float32Array;
  deviation: Float32Array;
  low: Float32Array;
  high: Float32Array;
  total: number | null;
  aleatoric: number | null;
  epistemic: number | null;
  /** Single draws of some labels: of_each of the first label, as many of the second, ...; null: none were kept. */
  draws: { labels: number[]; of_each: number; values: Float32Array } | null;
}

export interface Detail {
  sample: number;
  name: string;
  truth: number[];
  predicted: number[];
  explained: number[];
  probabilities: Float32Array;
  uncertainty: Draws | null;
  picture: AnyPicture;
  maps: DetailMap[];
  scores: DetailScore[];
  curves: DetailCurve[];
  edits: Edits[];
  boxes: Objects | null;
}
