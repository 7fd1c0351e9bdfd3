// SPDX-License-Identifier: Apache-2.0
/** Puts what a page needs in the bars around it. */
import { type ReactNode, useEffect, useState } from 'react';
import { createPortal } from 'react-dom';

export function InShell({ place, children }: { place: 'page' | 'side'; children: ReactNode }) {
  const [element, setElement] = useState<HTMLElement | null>(null);
  useEffect(() => setElement(document.getElementById(`${place}-tools`)), [place]);
  return element && createPortal(children, element);
}
