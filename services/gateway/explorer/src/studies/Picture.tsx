// SPDX-License-Identifier: Apache-2.0
/** The picture of a study in its row; nothing where it has none. */
import { useState } from 'react';
import styles from './columns.module.css';

/** Pixels: twice as many as a row is high, for fine screens. */
const EDGE = 72;

export function Picture({ study }: { study: string }) {
  const [missing, setMissing] = useState(false);
  if (missing) return null;
  return (
    <img
      className={styles.picture}
      src={`/studies/${study}/thumbnail?size=${EDGE}`}
      alt=""
      loading="lazy"
      decoding="async"
      onError={() => setMissing(true)}
    />
  );
}
