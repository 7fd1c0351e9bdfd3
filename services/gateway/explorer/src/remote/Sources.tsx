// SPDX-License-Identifier: Apache-2.0
/** How far each archive is: what it found, or why it did not answer, beside the answers of others. */
import { Button } from 'react-aria-components';
import { useTranslations } from 'use-intl';
import { sentenceOf } from '../shell/Failure';
import { Icon, type IconName } from '../shell/Icon';
import peek from '../studies/peek.module.css';
import type { Asking } from './asking';
import { nameless } from './merging';
import styles from './remote.module.css';

const ICONS: Record<Asking['state'], IconName> = {
  asking: 'clock',
  answered: 'check',
  failed: 'close',
  stopped: 'pause',
};

export function Sources({ asking }: { asking: readonly Asking[] }) {
  const t = useTranslations('remote');
  return (
    <ul className={styles.sources} aria-label={t('answersOf')}>
      {asking.map((one) => (
        <li key={one.remote} className={styles.source} data-state={one.state}>
          <Icon name={ICONS[one.state]} size={15} />
          <b dir="auto">{one.remote}</b>
          <Told one={one} />
          {one.state === 'asking' && (
            <Button
              className={peek.close}
              aria-label={t('stop', { name: one.remote })}
              onPress={one.stop}
            >
              <Icon name="close" size={14} />
            </Button>
          )}
          {(one.state === 'failed' || one.state === 'stopped') && (
            <Button
              className={peek.close}
              aria-label={t('askAgain', { name: one.remote })}
              onPress={one.again}
            >
              <Icon name="retry" size={14} />
            </Button>
          )}
        </li>
      ))}
    </ul>
  );
}

function Told({ one }: { one: Asking }) {
  const t = useTranslations('remote');
  const shell = useTranslations('shell');
  if (one.state === 'asking') return <span>{t('asking')}</span>;
  if (one.state === 'stopped') return <span>{t('stopped')}</span>;
  if (one.state === 'failed') {
    const why = one.error instanceof Error ? one.error.message : String(one.error);
    return <span className={styles.why}>{why || shell(sentenceOf(one.error))}</span>;
  }
  const without = nameless(one.answers);
  return (
    <span>
      {t('found', { count: one.answers.length - without })}
      {without > 0 && ` · ${t('nameless', { count: without })}`}
    </span>
  );
}
