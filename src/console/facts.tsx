import type { ComponentChildren, JSX } from 'preact';

/** A list of names and values, such as the properties of a room. */
export function Facts({ of: facts }: { readonly of: readonly (readonly [string, ComponentChildren])[] }): JSX.Element {
  return (
    <dl>
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
