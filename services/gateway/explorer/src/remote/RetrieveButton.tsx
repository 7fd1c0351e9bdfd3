// SPDX-License-Identifier: Apache-2.0
/** Fetches a study or a series, unless it is on its way: then how far that is. */
import { useTranslations } from 'use-intl';
import { Icon } from '../shell/Icon';
import styles from './remote.module.css';
import { isUnderWay, type Remote, type Target, useRetrievals } from './retrievals';
import { Progress } from './State';

interface Props {
  /** What it is called, for who does not see the row. */
  name: string;
  remote: Remote;
  target: Target;
  /** Within a grid, whose rows are walked through by arrows. */
  inGrid?: boolean;
  text?: string;
}

export function RetrieveButton({ name, remote, target, inGrid = false, text }: Props) {
  const t = useTranslations('remote');
  const retrievals = useRetrievals();
  const last = retrievals.of(target);
  if (last && isUnderWay(last)) return <Progress retrieval={last} />;
  return (
    <>
      {last?.state === 'failed' && <Progress retrieval={last} />}
      <button
        type="button"
        className={styles.retrieve}
        tabIndex={inGrid ? -1 : undefined}
        aria-label={text ? undefined : t('retrieveOf', { name })}
        aria-disabled={retrievals.isUnderWay(target) || undefined}
        onClick={(event) => {
          event.stopPropagation();
          void retrievals.start(remote, target);
        }}
        onDoubleClick={(event) => event.stopPropagation()}
      >
        <Icon name="download" size={14} />
        {text ?? t('retrieve')}
      </button>
    </>
  );
}
