// SPDX-License-Identifier: Apache-2.0
/** Answers of the store to what the browser asks for by itself: pictures, films and documents. */
import { heard } from './reach';

/** What asks for them; all else is asked for by `client` or, like scripts, kept for good. */
const ELEMENTS = ['img', 'video', 'iframe'];

const isAnswer = (one: PerformanceResourceTiming, origin: string): boolean =>
  ELEMENTS.includes(one.initiatorType) &&
  one.name.startsWith(`${origin}/`) &&
  // Nothing is transferred of what the browser has; who asks without being signed in is refused.
  one.transferSize > 0 &&
  one.responseStatus < 400;

/** Counts them as answers, which renew a session, from now on; returns what ends it. */
export function hearPictures(): () => void {
  const observer = new PerformanceObserver((seen) => {
    const answers = seen.getEntriesByType('resource') as PerformanceResourceTiming[];
    if (answers.some((one) => isAnswer(one, location.origin))) heard(200);
  });
  observer.observe({ type: 'resource' });
  return () => observer.disconnect();
}
