// SPDX-License-Identifier: Apache-2.0
/** Signing out of what a browser shows: nothing of patients stays, neither here nor in other windows. */

/** On which pages of this store tell each other that somebody has signed out. */
let channel: BroadcastChannel | null = null;
// One for the whole page: it does not hear what it says itself.
const others = (): BroadcastChannel => {
  channel ??= new BroadcastChannel('pons-explorer-signed-out');
  return channel;
};

/** Load a page anew, with nothing left of what this browser's windows knew: it is of patients. */
export function leave(address: string): void {
  others().postMessage(null);
  leaveHere(address);
}

/** Leaves this window where somebody signs out in another one, until what is returned is called. */
export function leaveWithOthers(): () => void {
  const follow = () => leaveHere('/explorer/login');
  others().addEventListener('message', follow);
  return () => others().removeEventListener('message', follow);
}

function leaveHere(address: string): void {
  const forget = () => {
    document.body.hidden = true;
    try {
      sessionStorage.clear();
    } catch {
      // Where storage is forbidden, nothing is kept.
    }
  };
  // Last of all, since what goes on until then may keep something; before what others keep of leaving itself.
  window.addEventListener('pagehide', forget, { capture: true, once: true });
  // The way back may bring the page as it was left.
  window.addEventListener('pageshow', ({ persisted }) => {
    if (persisted) window.location.reload();
  });
  window.location.replace(address);
}
