// SPDX-License-Identifier: Apache-2.0
/** What the pages of modalities and of peers have in common. */
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { Button } from 'react-aria-components';
import { useTranslations } from 'use-intl';
import { del } from '../api/client';
import type { KnownModality } from '../api/schema';
import { Failure, sentenceOf } from '../shell/Failure';
import { Icon } from '../shell/Icon';
import { Modal } from '../shell/Modal';
import { useNotices } from '../shell/notices';
import styles from './network.module.css';
import { type Answer, useChanged } from './remotes';

export type Source = KnownModality['source'];

export function Tabs() {
  const t = useTranslations('network');
  return (
    <nav className={styles.tabs} aria-label={t('kinds')}>
      <Link to="/operate/modalities">{t('modalities')}</Link>
      <Link to="/operate/peers">{t('peers')}</Link>
    </nav>
  );
}

/** Whether it answered, and what it has to say. */
export function State({ answer }: { answer: Answer | undefined }) {
  const t = useTranslations('network');
  const shell = useTranslations('shell');
  if (!answer) return <span className={styles.soft}>{t('notAsked')}</span>;
  if (answer === 'asking') return <span className={styles.soft}>{t('asking')}</span>;
  if ('error' in answer) {
    const why = answer.error instanceof Error ? answer.error.message : '';
    return (
      <span className={styles.bad}>
        <Icon name="close" size={16} />
        <span>
          {t('silent')} <bdi>{why || shell(sentenceOf(answer.error))}</bdi>
        </span>
      </span>
    );
  }
  return (
    <span className={styles.good}>
      <Icon name="check" size={16} />
      <span>
        {t('answered', { milliseconds: answer.milliseconds })} <bdi>{answer.told}</bdi>
      </span>
    </span>
  );
}

/** Below its name: what the settings say of it. */
export function Origin({ source }: { source: Source }) {
  const t = useTranslations('network');
  if (source === 'here') return null;
  return (
    <span className={styles.origin}>
      {source === 'settings' && <Icon name="lock" size={14} />}
      {t(`source_${source}`)}
    </span>
  );
}

interface ActionsProps {
  name: string;
  source: Source;
  may: boolean;
  echo: (() => void) | undefined;
  change: () => void;
  remove: () => void;
}

export function Actions({ name, source, may, echo, change, remove }: ActionsProps) {
  const t = useTranslations('network');
  const open = may && source !== 'settings';
  return (
    <div className={styles.actions}>
      {echo && (
        <Button aria-label={t('echoOf', { name })} onPress={echo}>
          {t('echo')}
        </Button>
      )}
      {open && (
        <>
          <Button aria-label={t('changeOf', { name })} onPress={change}>
            {t('change')}
          </Button>
          <Button aria-label={t('removeOf', { name })} onPress={remove}>
            {t('remove')}
          </Button>
        </>
      )}
    </div>
  );
}

interface RemoveProps {
  kind: 'modalities' | 'peers';
  name: string;
  source: Source;
  onClose: () => void;
}

export function RemoveDialog({ kind, name, source, onClose }: RemoveProps) {
  const t = useTranslations('network');
  const { show } = useNotices();
  const changed = useChanged();
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  const run = async () => {
    setBusy(true);
    try {
      await del(`/${kind}/${name}`);
      await changed();
      show({ text: t('removed', { name }) });
      onClose();
    } catch (failure) {
      setError(failure);
      setBusy(false);
    }
  };
  return (
    <Modal
      title={t('removeTitle', { name })}
      action={t('remove')}
      danger
      busy={busy}
      onAction={() => void run()}
      onClose={onClose}
    >
      <p>{t(`removeWhat_${kind}`)}</p>
      {source === 'changed' && <p>{t('removeOfSettings')}</p>}
      {error !== null && <Failure error={error} />}
    </Modal>
  );
}
