import type { JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { isJson, type Json } from './admin-api.ts';
import { errorOf } from './format.ts';
import { Problem } from './problem.tsx';
import { ResultTable } from './result-table.tsx';
import { useApi } from './session.ts';

/** An option that an administrator can set before an action. */
export interface ActionField {
  /** Key of the request body. */
  readonly key: string;
  readonly label: string;
  readonly kind: 'flag' | 'text' | 'password';
}

/** Something that an administrator can do to a room, a user or the server. */
export interface Action {
  readonly title: string;
  /** A sentence that says what the action does. */
  readonly explanation: string;
  readonly method: 'POST' | 'PUT' | 'DELETE';
  readonly path: string;
  /** Fields of the request body that are always the same. @defaultValue none */
  readonly body?: Json;
  readonly fields?: readonly ActionField[];
  /** Whether the route has a dry run, which shows what the action would do. */
  readonly hasDryRun: boolean;
  /** Whether a job does the work. The console then opens the page of the job. */
  readonly isJob: boolean;
  /** The text that the administrator must type before a destructive action. @defaultValue nothing */
  readonly confirmWith?: string;
}

interface ActionDialogProps {
  readonly action: Action;
  /** Called when the dialog closes. `hasChanged` tells whether the action was run. */
  readonly onClose: (hasChanged: boolean) => void;
}

/**
 * Asks the administrator before an action. If the action has a dry run, the button that runs the action is disabled until the
 * dry run is done. If the action has a confirmation text, the button is disabled until the administrator has typed the text.
 * After a change of an option, another dry run is needed.
 */
export function ActionDialog({ action, onClose }: ActionDialogProps): JSX.Element {
  const api = useApi();
  const dialog = useRef<HTMLDialogElement>(null);
  const [choices, setChoices] = useState<Json>({});
  const [typed, setTyped] = useState('');
  const [dryRun, setDryRun] = useState<Json>();
  const [error, setError] = useState<Error>();
  const [isBusy, setIsBusy] = useState(false);
  useEffect(() => dialog.current?.showModal(), []);
  const { title, explanation, method, path, fields = [], hasDryRun, isJob, confirmWith } = action;
  const body = { ...action.body, ...choices };
  const attempt = (work: () => Promise<void>): void => {
    setIsBusy(true);
    setError(undefined);
    work()
      .catch((reason: unknown) => setError(errorOf(reason)))
      .finally(() => setIsBusy(false));
  };
  const tryIt = async (): Promise<void> => setDryRun(await api.call(method, path, { ...body, dry_run: true }));
  const act = async (): Promise<void> => {
    if (isJob) location.hash = `#/jobs/${await api.start(method, path, body)}`;
    else await api.call(method, path, body);
    onClose(true);
  };
  const choose = (key: string, value: unknown): void => {
    setChoices({ ...choices, [key]: value });
    // The last dry run had other options, so another dry run is needed.
    setDryRun(undefined);
  };
  const mayAct = (!hasDryRun || dryRun !== undefined) && (confirmWith === undefined || typed === confirmWith);
  return (
    <dialog ref={dialog} aria-labelledby="action-title" onClose={() => onClose(false)}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (mayAct && !isBusy) attempt(act);
        }}
      >
        <h2 id="action-title">{title}</h2>
        <p>{explanation}</p>
        {fields.map((field) => (
          <Choice key={field.key} field={field} onChange={(value) => choose(field.key, value)} />
        ))}
        {hasDryRun && (
          <button type="button" disabled={isBusy} onClick={() => attempt(tryIt)}>
            Show what will happen
          </button>
        )}
        {isJson(dryRun) && <ResultTable result={dryRun} />}
        {confirmWith !== undefined && (!hasDryRun || dryRun !== undefined) && (
          <label>
            Type <code>{confirmWith}</code> to confirm
            <input autocomplete="off" value={typed} onInput={({ currentTarget }) => setTyped(currentTarget.value)} />
          </label>
        )}
        <Problem error={error} />
        <div class="buttons">
          <button type="button" onClick={() => dialog.current?.close()}>
            Close
          </button>
          <button type="submit" class="danger" disabled={!mayAct || isBusy}>
            {title}
          </button>
        </div>
      </form>
    </dialog>
  );
}

function Choice(props: { readonly field: ActionField; readonly onChange: (value: unknown) => void }): JSX.Element {
  const { field, onChange } = props;
  if (field.kind === 'flag') {
    return (
      <label class="flag">
        <input type="checkbox" onChange={({ currentTarget }) => onChange(currentTarget.checked)} /> {field.label}
      </label>
    );
  }
  const onInput = ({ currentTarget: { value } }: { readonly currentTarget: HTMLInputElement }): void =>
    onChange(value === '' ? undefined : value);
  return (
    <label>
      {field.label}
      {field.kind === 'password' ? (
        <input type="password" autocomplete="new-password" onInput={onInput} />
      ) : (
        <input autocomplete="off" onInput={onInput} />
      )}
    </label>
  );
}
