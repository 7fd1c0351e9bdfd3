// SPDX-License-Identifier: Apache-2.0
/** One request that streams files from the disk: one by itself, or small ones together as a form. */
import { MARK, SIGNED_OUT } from '../api/client';
import { heard, isUnreached } from '../api/reach';
import { type Outcome, outcomeOf, outcomesOf, readAnswer } from './outcomes';
import type { Upload } from './transfers';

export interface Ended {
  /** What became of each file, in their order; those that wait are to be sent alone. */
  outcomes: Outcome[];
  /** Whether files that come together are refused here, whatever they are. */
  notTogether: boolean;
  /** Whether the store may be away. */
  unreached: boolean;
}

const ALONE: Outcome = { state: 'waiting', why: '', whyKey: null, stored: [] };
/** What is over, or too much, in a moment; and whoever is not signed in sends nothing alone either. */
const OF_ANY_REQUEST = [401, 408, 429];

/** Begins it; what it returns ends it, and then `onEnd` is not called. */
export function sendFiles(
  some: readonly Upload[],
  onProgress: () => void,
  onEnd: (ended: Ended) => void,
): () => void {
  // Only XMLHttpRequest tells how much has left.
  const request = new XMLHttpRequest();
  const [first] = some;
  const alone = some.length === 1 ? first : undefined;
  request.open('POST', alone ? '/instances' : '/explorer/api/upload');
  for (const [name, value] of Object.entries(MARK)) request.setRequestHeader(name, value);
  if (alone) request.setRequestHeader('Content-Type', 'application/octet-stream');
  request.upload.onprogress = ({ loaded }) => {
    let left = loaded; // of a form a little more than its files have
    for (const upload of some) {
      upload.sent = Math.min(left, upload.size);
      left -= upload.sent;
    }
    onProgress();
  };
  request.onload = () => onEnd(answered(request, some.length));
  let aborted = false;
  request.onerror = () =>
    void unanswered(some).then((ended) => {
      if (!aborted) onEnd(ended);
    });
  request.send(alone ? alone.file : formOf(some));
  return () => {
    aborted = true;
    request.abort();
  };
}

function formOf(some: readonly Upload[]): FormData {
  const form = new FormData();
  some.forEach(({ file }, at) => {
    form.append('file', file, String(at));
  });
  return form;
}

function answered({ status, responseText }: XMLHttpRequest, files: number): Ended {
  heard(status);
  if (status === 401) window.dispatchEvent(new Event(SIGNED_OUT));
  const answer = readAnswer(responseText);
  const together = files > 1 ? outcomesOf(status, answer, files) : null;
  if (together) return { outcomes: together, notTogether: false, unreached: false };
  // A proxy may let no such form pass, and a gateway of an earlier version knows none.
  const notTogether =
    files > 1 && status >= 400 && status < 500 && !OF_ANY_REQUEST.includes(status);
  // Of several files, what has come is no answer about them.
  const told = files > 1 && status === 200 ? null : answer;
  const outcome = notTogether ? ALONE : outcomeOf(status, told);
  return {
    outcomes: Array<Outcome>(files).fill(outcome),
    notTogether,
    unreached: isUnreached(status),
  };
}

/** No answer came. A file that cannot be read any more is the reason alone, and the others go on. */
async function unanswered(some: readonly Upload[]): Promise<Ended> {
  const whys = await Promise.all(some.map(({ file }) => whyUnreadable(file)));
  const unreached = whys.every((why) => why === null);
  if (unreached) heard(0);
  const failed: Outcome = unreached ? { ...ALONE, state: 'failed', whyKey: 'unreachable' } : ALONE;
  return {
    outcomes: whys.map((why) =>
      why === null ? failed : { ...ALONE, state: 'refused', why, whyKey: 'unreadable' },
    ),
    notTogether: false,
    unreached,
  };
}

function whyUnreadable(file: File): Promise<string | null> {
  // Of a file that has gone the size is 0 from then on, and of nothing its first byte can be read.
  const read = (file.size ? file.slice(0, 1) : file).arrayBuffer();
  return read.then(
    () => null,
    (error: unknown) => (error instanceof Error ? error.message : String(error)),
  );
}
