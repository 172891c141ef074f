interface ChoicesProps<T extends string> {
  title: string;
  name: string;
  value: T;
  choices: readonly { key: T; words: string }[];
  choose(value: T): void;
}

/** One of a few, as radio buttons. */
export function Choices<T extends string>({ title, name, value, choices, choose }: ChoicesProps<T>) {
  return (
    <fieldset class="choices">
      <legend>{title}</legend>
      {choices.map(({ key, words }) => (
        <label key={key} class="choice">
          <input type="radio" name={name} value={key} checked={key === value} onChange={() => choose(key)} />
          {words}
        </label>
      ))}
    </fieldset>
  );
}

interface SliderProps {
  title: string;
  value: number;
  min: number;
  max: number;
  step: number;
  /** How the value is read. */
  words: string;
  change(value: number): void;
}

export function Slider({ title, value, min, max, step, words, change }: SliderProps) {
  return (
    <label class="slider">
      <span>{title}</span>
      <input
        type="range"
        value={value}
        min={min}
        max={max}
        step={step}
        aria-valuetext={words}
        onInput={(event) => change(event.currentTarget.valueAsNumber)}
      />
      <output>{words}</output>
    </label>
  );
}
