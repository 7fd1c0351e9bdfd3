// SPDX-License-Identifier: Apache-2.0
/** The middle picture of a resource; where there is none, what it is instead. */
import { useState } from 'react';
import { Icon } from '../shell/Icon';
import styles from './study.module.css';

interface Props {
  level: 'studies' | 'series' | 'instances';
  id: string;
  modality: string;
  size: number;
}

export function Thumbnail({ level, id, modality, size }: Props) {
  const [missing, setMissing] = useState(false);
  return (
    <span className={styles.thumbnail}>
      {missing ? (
        <span className={styles.noPicture}>
          <Icon name="file" size={28} />
          {modality}
        </span>
      ) : (
        <img
          src={`/${level}/${id}/thumbnail?size=${size * 2}`}
          alt=""
          loading="lazy"
          decoding="async"
          onError={() => setMissing(true)}
        />
      )}
    </span>
  );
}
