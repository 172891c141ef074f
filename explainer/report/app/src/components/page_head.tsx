import type { ComponentChildren } from "preact";

/** The title of a page, and beside it what is true of all of it. */
export function PageHead({ title, children }: { title: string; children?: ComponentChildren }) {
  return (
    <header class="page-head">
      <h1>{title}</h1>
      {children}
    </header>
  );
}
