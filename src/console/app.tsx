import type { JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { AdminApi } from './admin-api.ts';
import { LogIn } from './log-in.tsx';
import { findPage, PAGES } from './pages.tsx';
import { Session } from './session.ts';

/** Returns the URL's current fragment, including the `#`. */
function useHash(): string {
  const [hash, setHash] = useState(location.hash);
  useEffect(() => {
    const onChange = (): void => setHash(location.hash);
    addEventListener('hashchange', onChange);
    return () => removeEventListener('hashchange', onChange);
  }, []);
  return hash;
}

/** The whole console. It shows the log-in page, and the other pages after the log-in. */
export function App(): JSX.Element {
  const [api, setApi] = useState<AdminApi>();
  const hash = useHash();
  const main = useRef<HTMLElement>(null);
  const [path = '', search = ''] = hash.replace(/^#/, '').split('?');
  // When the heading gets the focus, a screen reader reads it.
  useEffect(() => main.current?.querySelector('h1')?.focus(), [path, api]);
  if (api === undefined) return <LogIn onLogIn={setApi} />;
  const logOut = (): void => {
    // The token is deleted from memory, even if the homeserver answers with an error.
    api.logOut().catch(() => {});
    setApi(undefined);
  };
  return (
    <Session.Provider value={api}>
      <a class="skip" href="#main" onClick={(event) => (event.preventDefault(), main.current?.focus())}>
        Skip to the content
      </a>
      <header>
        <nav aria-label="Pages">
          {PAGES.map(({ path: target, title }) => (
            <a key={target} href={`#${target}`} aria-current={path.startsWith(target) ? 'page' : undefined}>
              {title}
            </a>
          ))}
        </nav>
        <p>
          {api.userId}{' '}
          <button type="button" onClick={logOut}>
            Log out
          </button>
        </p>
      </header>
      <main id="main" ref={main} tabIndex={-1}>
        {findPage(path, new URLSearchParams(search))}
      </main>
    </Session.Provider>
  );
}
