// SPDX-License-Identifier: Apache-2.0
import { useQuery } from '@tanstack/react-query';
import { Link, useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import { useTranslations } from 'use-intl';
import { useHas } from '../api/session';
import { useRemotes } from '../live/live';
import { contactOf } from '../network/contacts';
import { Standing } from '../network/Standing';
import { Failure, sentenceOf } from '../shell/Failure';
import { Modal } from '../shell/Modal';
import { useNotices } from '../shell/notices';
import { causeOf, type Destination, destinations, ended, send } from './actions';
import styles from './Dialogs.module.css';

export function SendDialog({ ids, onClose }: { ids: string[]; onClose: () => void }) {
  const t = useTranslations('studies');
  const shell = useTranslations('shell');
  const has = useHas();
  const { show } = useNotices();
  const remotes = useRemotes();
  const navigate = useNavigate();
  const { data: known, error } = useQuery({
    queryKey: ['destinations'],
    queryFn: () => destinations(has),
  });
  const [to, setTo] = useState<Destination | null>(null);
  const [failure, setFailure] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);

  const run = async (destination: Destination) => {
    setBusy(true);
    let id: string;
    try {
      id = await send(ids, destination);
    } catch (refusal) {
      setFailure(refusal);
      setBusy(false);
      return;
    }
    onClose();
    const { name } = destination;
    show({ text: t('sending', { count: ids.length, name }) });
    try {
      const job = await ended(id);
      if (job.State === 'Success') show({ text: t('sent', { count: ids.length, name }) });
      else
        show({
          text: t('notSent', { name, progress: job.Progress, why: causeOf(job) }),
          bad: true,
          about: id,
          action: {
            text: t('showJob'),
            run: () => void navigate({ to: '/jobs', search: { job: id } }),
          },
        });
    } catch (unknown) {
      // The dialog is gone: a notice says that nobody knows.
      show({
        text: t('sendingUnknown', { name, why: shell(sentenceOf(unknown)) }),
        bad: true,
        about: id,
      });
    }
  };
  return (
    <Modal
      title={t('sendTitle', { count: ids.length })}
      action={t('send')}
      blocked={to ? undefined : known?.length === 0 ? t('sendNowhere') : t('sendWhere')}
      busy={busy}
      onAction={() => to && void run(to)}
      onClose={onClose}
    >
      {known?.length === 0 ? (
        <p>
          {t('noDestinations')}{' '}
          <Link to="/operate/modalities" onClick={onClose}>
            {t('addDestination')}
          </Link>
        </p>
      ) : (
        <fieldset className={styles.choices}>
          <legend>{t('destination')}</legend>
          {known?.map((one) => (
            <label key={`${one.kind} ${one.name}`}>
              <input
                type="radio"
                name="destination"
                checked={to?.name === one.name && to.kind === one.kind}
                onChange={() => setTo(one)}
              />
              <bdi>{one.name}</bdi>
              <span className={styles.soft}>{t(`kindOf_${one.kind}`)}</span>
              {remotes && (
                <Standing
                  contact={contactOf(remotes, one.kind === 'peers' ? 'peer' : 'modality', one.name)}
                />
              )}
            </label>
          ))}
        </fieldset>
      )}
      {(failure ?? error) && <Failure error={failure ?? error} />}
    </Modal>
  );
}
