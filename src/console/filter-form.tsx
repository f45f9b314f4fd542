import type { JSX } from 'preact';

/** A filter of a list. */
export interface FilterField {
  /** The name of the query parameter. */
  readonly key: string;
  readonly label: string;
  /** The allowed values. @defaultValue any text */
  readonly options?: readonly string[];
}

interface FilterFormProps {
  /** The URL's fragment for the page, with the `#` and without filters, such as `#/rooms`. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly fields: readonly FilterField[];
  /** Query parameters that are always set, in addition to the filters. @defaultValue none */
  readonly hidden?: Readonly<Record<string, string>>;
}

/** The form with the filters of a list. The filters are part of the URL, so that a link leads to the same list. */
export function FilterForm({ path, query, fields, hidden = {} }: FilterFormProps): JSX.Element {
  const apply = (form: HTMLFormElement): void => {
    const entries = [...new FormData(form)].flatMap(([key, value]) =>
      typeof value === 'string' && value !== '' ? [[key, value]] : [],
    );
    location.hash = `${path}?${new URLSearchParams(entries)}`;
  };
  return (
    <form
      class="filters"
      onSubmit={(event) => {
        event.preventDefault();
        apply(event.currentTarget);
      }}
    >
      {Object.entries(hidden).map(([key, value]) => (
        <input key={key} type="hidden" name={key} value={value} />
      ))}
      {fields.map(({ key, label, options }) => (
        <label key={key}>
          {label}
          {options === undefined ? (
            <input name={key} defaultValue={query.get(key) ?? ''} autocomplete="off" />
          ) : (
            <select name={key} defaultValue={query.get(key) ?? ''}>
              <option value="">any</option>
              {options.map((option) => (
                <option key={option} value={option} selected={option === query.get(key)}>
                  {option}
                </option>
              ))}
            </select>
          )}
        </label>
      ))}
      <button type="submit">Filter</button>
    </form>
  );
}
