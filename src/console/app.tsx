import type { JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { AdminApi } from './admin-api.ts';
import { LogIn } from './log-in.tsx';
import { findPage, PAGES } from './pages.tsx';
import { Session } from './session.ts';

/** The part of the URL after `#`, as it is now. */
function useHash(): string {
  const [hash, setHash] = useState(location.hash);
  useEffect(() => {
    const onChange = (): void => setHash(location.hash);
    addEventListener('hashchange', onChange);
    return () => removeEventListener('hashchange', onChange);
  }, []);
  return hash;
}

/** The whole console: the log-in, and then the pages. */
export function App(): JSX.Element {
  const [api, setApi] = useState<AdminApi>();
  const hash = useHash();
  const main = useRef<HTMLElement>(null);
  const [path = '', search = ''] = hash.replace(/^#/, '').split('?');
  // A screen reader reads the heading of the new page.
  useEffect(() => main.current?.querySelector('h1')?.focus(), [path, api]);
  if (api === undefined) return <LogIn onLogIn={setApi} />;
  const logOut = (): void => {
    // The token is forgotten, whatever the homeserver says.
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
