/** Elements for rows that come and go: a row keeps its element as long as it is there, a new one gets one that is free. */

export class Slots {
  private taken = new Map<number, number>();
  private count = 0;

  /** A number for each of these rows, which are all that are there now; no two have the same. */
  of(rows: readonly number[]): readonly number[] {
    const wanted = new Set(rows);
    const free = [...this.taken].filter(([row]) => !wanted.has(row)).map(([, slot]) => slot);
    const next = new Map<number, number>();
    for (const row of rows) next.set(row, this.taken.get(row) ?? free.pop() ?? this.count++);
    this.taken = next;
    return rows.map((row) => next.get(row) as number);
  }
}
