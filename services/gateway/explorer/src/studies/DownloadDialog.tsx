// SPDX-License-Identifier: Apache-2.0
/** How several studies are packed, and how large that is, before they are downloaded. */
import { useQuery } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import { useLocale, useTranslations } from 'use-intl';
import { Failure, sentenceOf } from '../shell/Failure';
import { Modal } from '../shell/Modal';
import { useNotices } from '../shell/notices';
import {
  deletionPlan,
  download,
  isPackedByJob,
  type Pack,
  packAddress,
  packedAddress,
  startPacking,
} from './actions';
import styles from './Dialogs.module.css';
import { sizeText } from './dicom';

const PACKS: Pack[] = ['archive', 'media'];

export function DownloadDialog({ ids, onClose }: { ids: string[]; onClose: () => void }) {
  const t = useTranslations('downloads');
  const shell = useTranslations('shell');
  const locale = useLocale();
  const navigate = useNavigate();
  const { show } = useNotices();
  // What is deleted with studies is what is packed of them, but for those of protected patients.
  const { data: sums, error } = useQuery({
    queryKey: ['downloads', ids],
    queryFn: () => deletionPlan(ids),
    gcTime: 0,
  });
  const [pack, setPack] = useState<Pack>('archive');
  const [failure, setFailure] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  const byJob = isPackedByJob(ids);

  const run = async () => {
    if (!byJob) {
      download(packAddress(ids, pack));
      onClose();
      return;
    }
    setBusy(true);
    let id: string;
    try {
      id = await startPacking(ids, pack);
    } catch (refusal) {
      setFailure(refusal);
      setBusy(false);
      return;
    }
    onClose();
    const action = {
      text: t('showJob'),
      run: () => void navigate({ to: '/jobs', search: { job: id } }),
    };
    const close = show({ text: t('packing', { studies: ids.length }), action, lasts: 0 });
    try {
      download(await packedAddress(id));
      show({ text: t('packed', { studies: ids.length }) });
    } catch (unpacked) {
      const why = unpacked instanceof Error ? unpacked.message : '';
      const text = `${t('notPacked')} ${why || shell(sentenceOf(unpacked))}`;
      show({ text, bad: true, about: id, action });
    } finally {
      close();
    }
  };
  return (
    <Modal
      title={t('title', { studies: ids.length })}
      action={t('download')}
      busy={busy}
      onAction={() => void run()}
      onClose={onClose}
    >
      <p role="status">
        {sums
          ? t('what', {
              patients: sums.patients,
              series: sums.series,
              instances: sums.instances,
              size: sizeText(sums.size, locale),
            })
          : t('counting')}
        {sums !== undefined && sums.protectedStudies > 0 && (
          <> {t('alsoProtected', { studies: sums.protectedStudies })}</>
        )}
      </p>
      <fieldset className={styles.choices}>
        <legend>{t('how')}</legend>
        {PACKS.map((one) => (
          <label key={one}>
            <input type="radio" name="pack" checked={pack === one} onChange={() => setPack(one)} />
            <span>{t(one)}</span>
            <span className={styles.soft}>{t(`means_${one}`)}</span>
          </label>
        ))}
      </fieldset>
      <p className={styles.soft}>{t(byJob ? 'byJob' : 'atOnce')}</p>
      {(failure ?? error) && <Failure error={failure ?? error} />}
    </Modal>
  );
}
