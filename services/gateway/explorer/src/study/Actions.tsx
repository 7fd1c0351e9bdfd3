// SPDX-License-Identifier: Apache-2.0
/** What can be done with a study or all of a patient: each with a button and a key, absent where it
 *  may not be done. */
import { type QueryKey, useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { type ReactNode, useRef, useState } from 'react';
import { Button } from 'react-aria-components';
import { useTranslations } from 'use-intl';
import { useMay } from '../api/session';
import { Icon } from '../shell/Icon';
import { useShortcuts } from '../shell/keys';
import { useNotices } from '../shell/notices';
import { ReadOnly } from '../shell/ReadOnly';
import { deletionPlan, type Plan } from '../studies/actions';
import { DeleteDialog, needsTyping } from '../studies/DeleteDialog';
import { useDeletions } from '../studies/deletions';
import { LabelDialog } from '../studies/LabelDialog';
import { SendDialog } from '../studies/SendDialog';
import { listAround } from '../studies/walk';
import { copyText } from './copyText';
import { Downloads } from './Downloads';
import { Protect } from './Protect';
import styles from './study.module.css';
import { useFailing } from './useFailing';

interface Props {
  level: 'patients' | 'studies';
  /** Of what is downloaded. */
  id: string;
  patient: string;
  /** What is selected of it, where that is not all: its series, if it can be downloaded alone. */
  part?: { series: string | undefined } | undefined;
  /** The studies that are sent, labelled and deleted; none where all are about to be deleted. */
  ids: string[];
  /** The path that leads here for good, and what is said once it is copied. */
  link: string;
  linkCopied: string;
  /** Whose labels are read again once they were changed. */
  labelled: QueryKey;
  name: string;
  first?: ReactNode;
  children?: ReactNode;
}

export function Actions(props: Props) {
  const { level, id, part, patient, ids, link, linkCopied, labelled, name } = props;
  const t = useTranslations('study');
  const may = useMay();
  const navigate = useNavigate();
  const queries = useQueryClient();
  const { show } = useNotices();
  const fail = useFailing();
  const { remove } = useDeletions();
  const [open, setOpen] = useState<'send' | 'label' | Plan | null>(null);
  const can = (action: 'send' | 'download' | 'label' | 'delete') => ids.length > 0 && may(action);
  const close = () => setOpen(null);

  const hide = ({ studies, instances }: Plan) => {
    remove(ids, { studies, instances });
    void navigate({ to: '/', search: ids.length === 1 ? listAround(ids[0] ?? '') : {} });
  };
  const asking = useRef(false);
  const startDeletion = () => {
    if (asking.current) return;
    asking.current = true;
    deletionPlan(ids)
      .then((plan) => {
        if (part || plan.protectedStudies || needsTyping(plan)) setOpen(plan);
        else hide(plan);
      })
      .catch(fail)
      .finally(() => {
        asking.current = false;
      });
  };
  const copyLink = async () => {
    const whole = `${location.origin}${link}`;
    show((await copyText(whole)) ? { text: linkCopied } : { text: whole, bad: true });
  };
  useShortcuts([
    ...(can('send') ? [{ keys: 'e', text: t('send'), run: () => setOpen('send') }] : []),
    ...(can('label') ? [{ keys: 'l', text: t('labels'), run: () => setOpen('label') }] : []),
    ...(can('delete') ? [{ keys: '#', text: t('delete'), run: startDeletion }] : []),
    { keys: 'y', text: t('copyLink'), run: () => void copyLink() },
  ]);
  return (
    <div className={styles.actions} role="toolbar" aria-label={name}>
      {props.first}
      {can('send') && (
        <Button className={styles.action} onPress={() => setOpen('send')}>
          <Icon name="send" />
          {t('send')}
        </Button>
      )}
      {can('download') && <Downloads level={level} id={id} series={part?.series} />}
      {can('label') && (
        <Button className={styles.action} onPress={() => setOpen('label')}>
          <Icon name="label" />
          {t('labels')}
        </Button>
      )}
      {may('protect') && <Protect patient={patient} />}
      <Button className={styles.action} onPress={() => void copyLink()}>
        <Icon name="copy" />
        {t('copyLink')}
      </Button>
      {can('delete') && (
        <Button className={styles.action} data-bad onPress={startDeletion}>
          <Icon name="trash" />
          {t('delete')}
        </Button>
      )}
      <ReadOnly className={styles.why} />
      {props.children}
      {open === 'send' && <SendDialog ids={ids} onClose={close} />}
      {open === 'label' && (
        <LabelDialog
          ids={ids}
          onClose={close}
          onDone={() => {
            close();
            void queries.invalidateQueries({ queryKey: labelled });
          }}
        />
      )}
      {open && typeof open === 'object' && (
        <DeleteDialog
          plan={open}
          held={open.protectedStudies}
          ofPart={part !== undefined}
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
