// SPDX-License-Identifier: Apache-2.0
/** What can be done with all studies of a patient. */

import { useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { useRef, useState } from 'react';
import { Button } from 'react-aria-components';
import { useTranslations } from 'use-intl';
import { useMay } from '../api/session';
import { Icon } from '../shell/Icon';
import { useShortcuts } from '../shell/keys';
import { useNotices } from '../shell/notices';
import { deletionPlan, type Plan } from '../studies/actions';
import { DeleteDialog, needsTyping } from '../studies/DeleteDialog';
import { useDeletions } from '../studies/deletions';
import { LabelDialog } from '../studies/LabelDialog';
import { SendDialog } from '../studies/SendDialog';
import { copyText } from '../study/copyText';
import { Downloads } from '../study/Downloads';
import { Protect } from '../study/Protect';
import styles from '../study/study.module.css';
import { useFailing } from '../study/useFailing';
import { studiesOfPatientQuery } from './queries';

type Open = 'send' | 'label' | Plan | null;

export function PatientActions({
  patient,
  ids,
}: {
  patient: string;
  /** Of all its studies. */
  ids: string[];
}) {
  const t = useTranslations('patient');
  const told = useTranslations('study');
  const may = useMay();
  const navigate = useNavigate();
  const queries = useQueryClient();
  const { show } = useNotices();
  const fail = useFailing();
  const { remove } = useDeletions();
  const [open, setOpen] = useState<Open>(null);
  const some = ids.length > 0;
  const close = () => setOpen(null);

  const hide = (plan: Plan) => {
    remove(ids, plan);
    void navigate({ to: '/' });
  };
  const asking = useRef(false);
  const startDeletion = () => {
    if (asking.current) return;
    asking.current = true;
    deletionPlan(ids)
      .then((plan) => (plan.protectedStudies || needsTyping(plan) ? setOpen(plan) : hide(plan)))
      .catch(fail)
      .finally(() => {
        asking.current = false;
      });
  };
  const copyLink = async () => {
    const link = `${location.origin}/explorer/patients/${patient}`;
    const copied = await copyText(link);
    show(copied ? { text: t('linkCopied') } : { text: link, bad: true });
  };
  useShortcuts([
    ...(some && may('send') ? [{ keys: 'e', text: told('send'), run: () => setOpen('send') }] : []),
    ...(some && may('label')
      ? [{ keys: 'l', text: told('labels'), run: () => setOpen('label') }]
      : []),
    ...(some && may('delete') ? [{ keys: '#', text: told('delete'), run: startDeletion }] : []),
    { keys: 'y', text: told('copyLink'), run: () => void copyLink() },
  ]);
  return (
    <div className={styles.actions} role="toolbar" aria-label={t('actions')}>
      {some && may('send') && (
        <Button className={styles.action} onPress={() => setOpen('send')}>
          <Icon name="send" />
          {told('send')}
        </Button>
      )}
      {some && may('download') && <Downloads level="patients" id={patient} />}
      {some && may('label') && (
        <Button className={styles.action} onPress={() => setOpen('label')}>
          <Icon name="label" />
          {told('labels')}
        </Button>
      )}
      {may('protect') && <Protect patient={patient} />}
      <Button className={styles.action} onPress={() => void copyLink()}>
        <Icon name="copy" />
        {told('copyLink')}
      </Button>
      {some && may('delete') && (
        <Button className={styles.action} data-bad onPress={startDeletion}>
          <Icon name="trash" />
          {told('delete')}
        </Button>
      )}
      {open === 'send' && <SendDialog ids={ids} onClose={close} />}
      {open === 'label' && (
        <LabelDialog
          ids={ids}
          onClose={close}
          onDone={() => {
            close();
            void queries.invalidateQueries({ queryKey: studiesOfPatientQuery(patient).queryKey });
          }}
        />
      )}
      {open && typeof open === 'object' && (
        <DeleteDialog
          plan={open}
          held={open.protectedStudies}
          onClose={close}
          onDelete={() => {
            close();
            hide(open);
          }}
        />
      )}
    </div>
  );
}
