import { Component, createElement, type ComponentChild, type FunctionComponent } from "preact";

/** The component, drawn anew only when one of its properties is another one or a signal that it reads changes. */
export function memo<P extends object>(Inner: FunctionComponent<P>): FunctionComponent<P> {
  class Memo extends Component<P> {
    override shouldComponentUpdate(next: Readonly<P>): boolean {
      const keys = Object.keys(next) as (keyof P)[];
      return keys.some((key) => next[key] !== (this.props as P)[key]);
    }
    override render(props: P): ComponentChild {
      return createElement(Inner, props);
    }
  }
  return Memo as unknown as FunctionComponent<P>;
}
