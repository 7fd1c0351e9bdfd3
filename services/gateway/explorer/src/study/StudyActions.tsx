// SPDX-License-Identifier: Apache-2.0
/** What can be done with a study: each with a button and a key, absent where it may not be done. */
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate } from '@tanstack/react-router';
import { useRef, useState } from 'react';
import { Button } from 'react-aria-components';
import { useTranslations } from 'use-intl';
import { useMay } from '../api/session';
import { Icon } from '../shell/Icon';
import { useShortcuts } from '../shell/keys';
import { useNotices } from '../shell/notices';
import { changeLabels, deletionPlan, type Plan } from '../studies/actions';
import { DeleteDialog, needsTyping } from '../studies/DeleteDialog';
import { useDeletions } from '../studies/deletions';
import { LabelDialog } from '../studies/LabelDialog';
import { SendDialog } from '../studies/SendDialog';
import { copyText } from './copyText';
import { Downloads } from './Downloads';
import { Protect } from './Protect';
import { type StudyAnswer, studyQuery } from './queries';
import styles from './study.module.css';
import { useFailing } from './useFailing';

type Open = 'send' | 'label' | Plan | null;

export function StudyActions({
  study,
  series,
}: {
  study: StudyAnswer;
  series: string | undefined;
}) {
  const t = useTranslations('study');
  const may = useMay();
  const navigate = useNavigate();
  const queries = useQueryClient();
  const notices = useNotices();
  const fail = useFailing();
  const { remove } = useDeletions();
  const [open, setOpen] = useState<Open>(null);
  const close = () => setOpen(null);

  const view = () => {
    if (series) void navigate({ to: '/view/$series', params: { series } });
  };
  const hide = ({ studies, instances }: Plan) => {
    remove([study.ID], { studies, instances });
    void navigate({ to: '/' });
  };
  const asking = useRef(false);
  const startDeletion = () => {
    if (asking.current) return;
    asking.current = true;
    deletionPlan([study.ID])
      .then((plan) => (plan.protectedStudies || needsTyping(plan) ? setOpen(plan) : hide(plan)))
      .catch(fail)
      .finally(() => {
        asking.current = false;
      });
  };
  const copyLink = async () => {
    const link = `${location.origin}/explorer/uid/${study.MainDicomTags.StudyInstanceUID}`;
    const copied = await copyText(link);
    notices.show(copied ? { text: t('linkCopied') } : { text: link, bad: true });
  };
  useShortcuts([
    { keys: 'v', text: t('view'), run: view },
    ...(may('send') ? [{ keys: 'e', text: t('send'), run: () => setOpen('send') }] : []),
    ...(may('label') ? [{ keys: 'l', text: t('labels'), run: () => setOpen('label') }] : []),
    ...(may('delete') ? [{ keys: '#', text: t('delete'), run: startDeletion }] : []),
    { keys: 'y', text: t('copyLink'), run: () => void copyLink() },
  ]);
  return (
    <div className={styles.actions} role="toolbar" aria-label={t('actions')}>
      {series && (
        <Link to="/view/$series" params={{ series }} className={styles.primary}>
          <Icon name="eye" />
          {t('view')}
        </Link>
      )}
      {may('send') && (
        <Button className={styles.action} onPress={() => setOpen('send')}>
          <Icon name="send" />
          {t('send')}
        </Button>
      )}
      {may('download') && <Downloads level="studies" id={study.ID} />}
      {may('label') && (
        <Button className={styles.action} onPress={() => setOpen('label')}>
          <Icon name="label" />
          {t('labels')}
        </Button>
      )}
      {may('protect') && <Protect patient={study.ParentPatient} />}
      <Button className={styles.action} onPress={() => void copyLink()}>
        <Icon name="copy" />
        {t('copyLink')}
      </Button>
      {may('delete') && (
        <Button className={styles.action} data-bad onPress={startDeletion}>
          <Icon name="trash" />
          {t('delete')}
        </Button>
      )}
      <Labels study={study} />
      {open === 'send' && <SendDialog ids={[study.ID]} onClose={close} />}
      {open === 'label' && (
        <LabelDialog
          ids={[study.ID]}
          onClose={close}
          onDone={() => {
            close();
            void queries.invalidateQueries({ queryKey: studyQuery(study.ID).queryKey });
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

function Labels({ study }: { study: StudyAnswer }) {
  const t = useTranslations('study');
  const may = useMay();
  const queries = useQueryClient();
  const change = useMutation({
    mutationFn: (label: string) => changeLabels([study.ID], [], [label]),
    onSuccess: () => queries.invalidateQueries({ queryKey: studyQuery(study.ID).queryKey }),
    onError: useFailing(),
  });
  return (
    <div className={styles.labels}>
      {study.Labels.map((label) => (
        <span key={label} className={styles.label}>
          {label}
          {may('label') && (
            <Button
              className={styles.labelClose}
              aria-label={t('removeLabel', { label })}
              onPress={() => change.mutate(label)}
            >
              <Icon name="close" size={13} />
            </Button>
          )}
        </span>
      ))}
    </div>
  );
}
