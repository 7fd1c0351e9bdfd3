// SPDX-License-Identifier: Apache-2.0
/** A page with its one heading, which also names the window and takes the focus on arrival. */
import { type ReactNode, useEffect, useRef } from 'react';
import { useSession } from '../api/session';
import styles from './Page.module.css';

interface Props {
  title: string;
  /** The heading is read out but not shown. */
  quiet?: boolean;
  children: ReactNode;
}

export function Page({ title, quiet = false, children }: Props) {
  const heading = useRef<HTMLHeadingElement>(null);
  const store = useSession()?.title ?? 'Pons';
  useEffect(() => {
    document.title = `${title} · ${store}`;
  }, [title, store]);
  useEffect(() => {
    // Not where the page itself has put the focus already, nor on the very first page.
    if (document.activeElement === document.body && window.history.length > 1) {
      heading.current?.focus({ preventScroll: true });
    }
  }, []);
  return (
    <div className={quiet ? styles.full : styles.page}>
      <h1 ref={heading} tabIndex={-1} className={quiet ? styles.quiet : styles.title}>
        {title}
      </h1>
      {children}
    </div>
  );
}
