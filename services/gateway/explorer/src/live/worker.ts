// SPDX-License-Identifier: Apache-2.0
/**
 * A worker that all pages of a browser share, for the one stream that they need: over HTTP/1.1 a
 * browser has six connections to a host, and a stream in each of six pages would take them all.
 */
import { Source, type Told } from './source';

/** What a page says: that it listens, or does not any more. */
export type Said = 'join' | 'leave';

const ports = new Set<MessagePort>();
let latest: Partial<Record<Told['kind'], Told>> = {};

const source = new Source((told) => {
  latest[told.kind] = told;
  for (const port of ports) port.postMessage(told);
});

function hear(port: MessagePort, said: Said): void {
  if (said === 'join') {
    ports.add(port);
    for (const kind of ['state', 'jobs', 'remotes'] as const)
      if (latest[kind]) port.postMessage(latest[kind]);
    source.start();
    return;
  }
  ports.delete(port);
  if (ports.size === 0) {
    source.stop();
    latest = {};
  }
}

addEventListener('connect', (event) => {
  const [port] = (event as MessageEvent).ports;
  if (port) port.onmessage = ({ data }: MessageEvent<Said>) => hear(port, data);
});
