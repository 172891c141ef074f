interface TabsProps<T extends string> {
  label: string;
  value: T;
  tabs: readonly { key: T; words: string; off?: boolean }[];
  choose(value: T): void;
}

/** One of a few, as buttons side by side. */
export function Tabs<T extends string>({ label, value, tabs, choose }: TabsProps<T>) {
  return (
    <span class="joined" role="group" aria-label={label}>
      {tabs.map(({ key, words, off }) => (
        <button key={key} type="button" aria-pressed={key === value} disabled={off} onClick={() => choose(key)}>
          {words}
        </button>
      ))}
    </span>
  );
}
