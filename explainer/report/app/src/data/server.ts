/** Asks the server of a served page, from the page's own folder. */

import { ChunkMissing } from "./source";

/** An answer of the server; what it says in place of one, or that nobody answers, is an error. */
async function asked(url: string, tag = ""): Promise<Response> {
  const headers: HeadersInit = tag ? { "If-None-Match": tag } : {};
  const answer = await fetch(url, { headers, cache: tag ? "no-store" : "no-cache" }).catch(() => {
    throw new Error("the server does not answer");
  });
  if (answer.ok || answer.status === 304) return answer;
  throw new Error((await answer.text()).trim().slice(0, 500) || `the server answers ${answer.status}`);
}

/** A value that is asked for again and again, and sent only when it is another one. */
export class Polled<T> {
  private tag = "";

  constructor(private readonly url: string) {}

  /** null: as before. */
  async next(): Promise<T | null> {
    const answer = await asked(this.url, this.tag);
    if (answer.status === 304) return null;
    const value = (await answer.json()) as T;
    this.tag = answer.headers.get("ETag") ?? "";
    return value;
  }
}

export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

export async function jsonAt<T>(url: string): Promise<T> {
  return (await (await asked(url)).json()) as T;
}

/** The base64 text of a chunk, which comes as the script that a report's folder has. */
export async function servedText(key: string, edition: string): Promise<string> {
  const url = `data/${key}.js`;
  const script = await (await asked(`${url}?edition=${edition}`)).text();
  const before = `E("${key}","`;
  if (!script.startsWith(before) || !script.endsWith('")')) throw new ChunkMissing(`${url} holds no chunk ${key}`);
  return script.slice(before.length, -2);
}
