import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { type AdminApi, logIn, openApi } from './admin-api.ts';
import { errorOf, textOf } from './format.ts';
import { Problem } from './problem.tsx';

/**
 * The page that asks for an access token, or for a user name and a password. The access token is kept in memory until the
 * administrator logs out or closes the page.
 */
export function LogIn({ onLogIn }: { readonly onLogIn: (api: AdminApi) => void }): JSX.Element {
  const [error, setError] = useState<Error>();
  const [isBusy, setIsBusy] = useState(false);
  const attempt = async (form: HTMLFormElement): Promise<void> => {
    const fields = new FormData(form);
    const text = (key: string): string => textOf(fields.get(key));
    const token = text('token').trim() || (await logIn(text('user').trim(), text('password')));
    onLogIn(await openApi(token));
  };
  const submit = (form: HTMLFormElement): void => {
    setIsBusy(true);
    setError(undefined);
    attempt(form).catch((reason: unknown) => {
      setError(errorOf(reason));
      setIsBusy(false);
    });
  };
  return (
    <main class="log-in">
      <h1>Matrix admin console</h1>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          submit(event.currentTarget);
        }}
      >
        <p>Log in as a server administrator, with a password or with an access token.</p>
        <label>
          User name
          <input name="user" autocomplete="username" autocapitalize="none" />
        </label>
        <label>
          Password
          <input name="password" type="password" autocomplete="current-password" />
        </label>
        <label>
          Or an access token
          <input name="token" type="password" autocomplete="off" />
        </label>
        <Problem error={error} />
        <button type="submit" disabled={isBusy}>
          Log in
        </button>
      </form>
    </main>
  );
}
