// SPDX-License-Identifier: Apache-2.0
/** Requests to the store, and what it says when one fails. */
import { heard } from './reach';

/** Requests with it get no challenge that would open the browser's own box for a password. */
export const MARK = { 'X-Requested-With': 'pons-explorer' };

interface Failure {
  HttpStatus?: number;
  Message?: string;
  Details?: string;
  OrthancError?: string;
}

export class ApiError extends Error {
  override name = 'ApiError';
  /** 0 where no answer came. */
  readonly status: number;
  readonly method: string;
  readonly path: string;
  readonly orthancError: string;

  constructor(method: string, path: string, status: number, failure: Failure) {
    super(failure.Details || failure.Message || '');
    this.status = status;
    this.method = method;
    this.path = path;
    this.orthancError = failure.OrthancError ?? '';
  }

  /** Whether what was to be changed is another by now. */
  get outdated(): boolean {
    return this.status === 409 && this.orthancError === 'Bad revision number';
  }

  /** One line for whoever has to look into it. */
  get technical(): string {
    return [this.method, this.path, this.status || '–', this.orthancError]
      .filter(Boolean)
      .join(' ');
  }
}

/** Of what is changed: it is refused where somebody else has changed it since. `new`: where
 * somebody else has added it; null: never. */
export type Revision = number | 'new' | null;

interface Options {
  signal?: AbortSignal;
  revision?: Revision;
}

/** The answer of a request; raises `ApiError`. */
async function request(
  method: string,
  path: string,
  body: unknown,
  { signal, revision }: Options,
): Promise<Response> {
  const init: RequestInit = { method, headers: { ...MARK, Accept: 'application/json' } };
  if (signal) init.signal = signal;
  if (body !== undefined) {
    init.body = JSON.stringify(body);
    init.headers = { ...init.headers, 'Content-Type': 'application/json' };
  }
  if (typeof revision === 'number') init.headers = { ...init.headers, 'If-Match': `"${revision}"` };
  if (revision === 'new') init.headers = { ...init.headers, 'If-None-Match': '*' };
  let answer: Response;
  try {
    answer = await fetch(path, init);
  } catch (error) {
    if (signal?.aborted) throw error;
    heard(0);
    throw new ApiError(method, path, 0, {});
  }
  heard(answer.status);
  if (answer.ok) return answer;
  const told: unknown = await answer.json().catch(() => ({}));
  const failure = typeof told === 'object' && told !== null ? (told as Failure) : {};
  if (answer.status === 401) window.dispatchEvent(new Event(SIGNED_OUT));
  throw new ApiError(method, path, answer.status, failure);
}

/** What an answer says; of an empty one nothing. */
async function bodyOf<T>(answer: Response): Promise<T> {
  const text = await answer.text();
  return (text ? JSON.parse(text) : {}) as T;
}

/** Event of the window: the store does not know any more who asks. */
export const SIGNED_OUT = 'pons-signed-out';

export async function get<T>(path: string, options: Options = {}): Promise<T> {
  return (await request('GET', path, undefined, options)).json() as Promise<T>;
}

export async function post<T>(path: string, body: unknown = {}, options: Options = {}): Promise<T> {
  return bodyOf<T>(await request('POST', path, body, options));
}

export async function del(path: string, options: Options = {}): Promise<void> {
  await request('DELETE', path, undefined, options);
}

export async function putJson<T = unknown>(
  path: string,
  body: unknown,
  options: Options = {},
): Promise<T> {
  return bodyOf<T>(await request('PUT', path, body, options));
}

/** For routes that take a bare text, as Orthanc's `/protected` does. */
export async function put(path: string, text = ''): Promise<void> {
  const answer = await fetch(path, { method: 'PUT', headers: MARK, body: text }).catch(() => null);
  heard(answer?.status ?? 0);
  if (!answer) throw new ApiError('PUT', path, 0, {});
  if (!answer.ok) {
    const failure = (await answer.json().catch(() => ({}))) as Failure;
    throw new ApiError('PUT', path, answer.status, failure);
  }
}
