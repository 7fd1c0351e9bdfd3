// SPDX-License-Identifier: Apache-2.0
/** Load a page anew, with nothing left of what this window knew: what it shows and keeps is of patients. */
export function leave(address: string): void {
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
