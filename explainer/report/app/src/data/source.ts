/** Where chunks come from: a block in the page itself, a script beside it, or the server of the page. */

declare global {
  interface Window {
    /** What a chunk's script calls. */
    E?: (key: string, text: string) => void;
  }
}

/** A chunk that is not there, or whose script gave nothing. */
export class ChunkMissing extends Error {}

const waiting = new Map<string, (text: string) => void>();

interface Policy {
  createScriptURL(url: string): string;
}
interface Policies {
  createPolicy(name: string, rules: Policy): Policy;
}

const RULES: Policy = {
  createScriptURL(url) {
    if (/^data\/[a-z0-9/-]+\.js$/.test(url)) return url;
    throw new TypeError(`no chunk lies at ${url}`);
  },
};
const policy = (window as unknown as { trustedTypes?: Policies }).trustedTypes?.createPolicy("chunk", RULES) ?? RULES;

window.E = (key, text) => waiting.get(key)?.(text);

let fromServer: ((key: string) => Promise<string>) | null = null;

/** From now on chunks are asked of a server. */
export function useServer(ask: (key: string) => Promise<string>): void {
  fromServer = ask;
}

/** The base64 text of a chunk. */
export function textOf(key: string): Promise<string> {
  if (fromServer) return fromServer(key);
  const block = document.getElementById(key);
  if (block?.tagName === "SCRIPT") return Promise.resolve(block.textContent ?? "");
  return textOfScript(key);
}

function textOfScript(key: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const script = document.createElement("script");
    const url = `data/${key}.js`;
    const end = () => {
      waiting.delete(key);
      script.remove();
    };
    waiting.set(key, resolve);
    script.onload = () => {
      end();
      reject(new ChunkMissing(`${url} holds no chunk ${key}`)); // no effect after resolve
    };
    script.onerror = () => {
      end();
      reject(new ChunkMissing(`${url} is missing`));
    };
    script.src = policy.createScriptURL(url);
    document.head.append(script);
  });
}
