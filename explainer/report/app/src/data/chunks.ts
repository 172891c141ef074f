/** Reads chunks: few at a time, the newest wish first, and keeps the ones used last. */

import { signal, type Signal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import { textOf } from "./source";

export type Chunk<T> = { state: "loading" } | { state: "ready"; value: T } | { state: "failed"; why: string };

interface Entry<T> {
  key: string;
  chunk: Signal<Chunk<T>>;
  readers: number;
  begun: boolean;
}

const LOADING: Chunk<never> = { state: "loading" };

export class Chunks<T> {
  private readonly entries = new Map<string, Entry<T>>(); // the ones used last stand last
  private readonly queue: Entry<T>[] = [];
  private running = 0;

  /**
   * decode: what makes a value of a chunk's text. kept: how many decoded chunks stay. atOnce: how many are read at
   * the same time.
   */
  constructor(
    private readonly decode: (text: string) => Promise<T>,
    private readonly kept = 60,
    private readonly atOnce = 6,
    private readonly read = textOf,
  ) {}

  /** The chunk, which is read if it is not there; every call needs its `release`. */
  retain(key: string): Signal<Chunk<T>> {
    const entry = this.entries.get(key) ?? { key, chunk: signal<Chunk<T>>(LOADING), readers: 0, begun: false };
    entry.readers++;
    this.entries.delete(key);
    this.entries.set(key, entry);
    if (!entry.begun && !this.queue.includes(entry)) this.queue.push(entry);
    this.next();
    return entry.chunk;
  }

  /** keep: it is read even though nobody waits for it. */
  release(key: string, keep = false): void {
    const entry = this.entries.get(key);
    if (!entry) return;
    entry.readers--;
    if (entry.readers === 0 && !entry.begun && !keep) this.drop(entry);
    this.shrink();
  }

  retry(key: string): void {
    const entry = this.entries.get(key);
    if (!entry || entry.chunk.peek().state !== "failed") return;
    entry.begun = false;
    entry.chunk.value = LOADING;
    this.queue.push(entry);
    this.next();
  }

  /** Reads those again that may be others now; what is shown stays until they are there, or if they are not. */
  async renew(stale: (key: string) => boolean): Promise<void> {
    const found = [...this.entries.values()].filter(({ key, begun }) => begun && stale(key));
    await Promise.all(found.map((entry) => (entry.readers ? this.again(entry) : this.drop(entry))));
  }

  private async again(entry: Entry<T>): Promise<void> {
    const value = await this.decode(await this.read(entry.key));
    entry.chunk.value = { state: "ready", value };
  }

  private next(): void {
    while (this.running < this.atOnce && this.queue.length) void this.begin(this.queue.pop() as Entry<T>);
  }

  private async begin(entry: Entry<T>): Promise<void> {
    entry.begun = true;
    this.running++;
    try {
      const value = await this.decode(await this.read(entry.key));
      entry.chunk.value = { state: "ready", value };
    } catch (error) {
      entry.chunk.value = { state: "failed", why: error instanceof Error ? error.message : String(error) };
    }
    this.running--;
    this.shrink();
    this.next();
  }

  private drop(entry: Entry<T>): void {
    this.entries.delete(entry.key);
    const index = this.queue.indexOf(entry);
    if (index >= 0) this.queue.splice(index, 1);
  }

  private shrink(): void {
    for (const entry of this.entries.values()) {
      if (this.entries.size <= this.kept) return;
      if (entry.readers === 0 && entry.chunk.peek().state !== "loading") this.entries.delete(entry.key);
    }
  }
}

/** A chunk for as long as a component is there; "" for none. */
export function useChunk<T>(chunks: Chunks<T>, key: string): Chunk<T> {
  const chunk = useMemo(() => (key ? chunks.retain(key) : null), [chunks, key]);
  useEffect(() => () => (key ? chunks.release(key) : undefined), [chunks, key]);
  return chunk ? chunk.value : LOADING;
}
