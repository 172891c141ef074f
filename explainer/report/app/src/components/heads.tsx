import type { ComponentChildren } from "preact";

/** The head of a table: its columns' names, each once. */
export function Heads({ of, unseen = false }: { of: readonly ComponentChildren[]; unseen?: boolean }) {
  return (
    <thead class={unseen ? "unseen" : undefined}>
      <tr>
        {of.map((head, index) => (
          <th key={index} scope="col">
            {head}
          </th>
        ))}
      </tr>
    </thead>
  );
}
