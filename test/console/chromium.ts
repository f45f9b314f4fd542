import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';

/** Places where Linux distributions install Chromium. */
const PLACES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

/**
 * Starts the Chromium of the operating system without a window.
 * @throws Error that says what to install if there is none
 */
export async function startChromium(): Promise<Browser> {
  const executablePath = process.env['CHROMIUM'] ?? PLACES.find((place) => existsSync(place));
  if (executablePath === undefined) {
    throw new Error(
      `npm run test:console needs Chromium: install it (apt install chromium), or set CHROMIUM to its path. Tried ${PLACES.join(', ')}`,
    );
  }
  return chromium.launch({ executablePath, args: ['--no-sandbox'] });
}
