/** Facts of all rows and samples, as columns of numbers. */

export type Numbers = Float32Array | Uint8Array | Uint16Array | Uint32Array | Int32Array;

interface Offsets {
  at: Uint32Array;
}

/** The header of the chunk `cols`. */
export interface ColumnsChunk {
  rows: number;
  samples: number;
  columns: {
    of: Uint32Array;
    first: Uint8Array;
    label: Int32Array;
    outcome: Uint8Array;
    p: Float32Array;
    deviation: Float32Array;
    low: Float32Array;
    high: Float32Array;
    disagreement: Float32Array;
    has_edits: Uint8Array;
    sample: Int32Array;
    start: Uint32Array;
    top: Int32Array;
    correct: Uint8Array;
    p_top: Float32Array;
    margin: Float32Array;
    entropy: Float32Array;
    total: Float32Array;
    aleatoric: Float32Array;
    epistemic: Float32Array;
  };
  names: Offsets & { text: Uint8Array };
  truth: Offsets & { labels: Int32Array };
  predicted: Offsets & { labels: Int32Array };
}

/** A row is a sample and one of its explained labels; `i` below is the place of a sample, not its number. */
export class Columns {
  readonly rows: number;
  readonly samples: number;
  /** Of each row: its sample's place, whether it is that sample's first, and so on. */
  readonly of: Uint32Array;
  readonly column: ColumnsChunk["columns"];
  private searched: string[] | null = null;

  /** labels: the names of the run's labels, by which samples are found, too. */
  constructor(
    private readonly chunk: ColumnsChunk,
    private readonly labels: readonly string[] = [],
  ) {
    this.rows = chunk.rows;
    this.samples = chunk.samples;
    this.of = chunk.columns.of;
    this.column = chunk.columns;
  }

  /** The number of a row's sample. */
  number(row: number): number {
    return this.column.sample[this.of[row]];
  }

  /** The place of the sample with this number; -1 if there is none. */
  place(number: number): number {
    const { sample } = this.column;
    let low = 0;
    let high = sample.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (sample[middle] < number) low = middle + 1;
      else high = middle;
    }
    return sample[low] === number ? low : -1;
  }

  /** The rows of a sample: from the first up to the second. */
  rowsOf(i: number): [number, number] {
    const { start } = this.column;
    return [start[i], i + 1 < start.length ? start[i + 1] : this.rows];
  }

  /** The row of a sample that stands for it. */
  firstRow(i: number): number {
    const [from, to] = this.rowsOf(i);
    for (let row = from; row < to; row++) if (this.column.first[row]) return row;
    return from;
  }

  /** The name of a sample's file; "" if none was recorded. */
  name(i: number): string {
    const { at, text } = this.chunk.names;
    return new TextDecoder().decode(text.subarray(at[i], at[i + 1]));
  }

  truth(i: number): Int32Array {
    const { at, labels } = this.chunk.truth;
    return labels.subarray(at[i], at[i + 1]);
  }

  predicted(i: number): Int32Array {
    const { at, labels } = this.chunk.predicted;
    return labels.subarray(at[i], at[i + 1]);
  }

  /** Every sample's number, name, true labels and predicted one in small letters, to be searched; made once. */
  get haystack(): readonly string[] {
    this.searched ??= Array.from({ length: this.samples }, (_, i) => {
      const labels = [...this.truth(i), this.column.top[i]].map((label) => this.labels[label] ?? "");
      return [this.column.sample[i], this.name(i), ...labels].join(" ").toLowerCase();
    });
    return this.searched;
  }
}
