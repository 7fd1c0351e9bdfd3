// SPDX-License-Identifier: Apache-2.0
/** What can be done with a study: each with a button and a key, absent where it may not be done. */
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate } from '@tanstack/react-router';
import { useRef, useState } from 'react';
import { Button, Menu, MenuItem, MenuTrigger, Popover } from 'react-aria-components';
import { useTranslations } from 'use-intl';
import { useMay } from '../api/session';
import { sentenceOf } from '../shell/Failure';
import { Icon } from '../shell/Icon';
import { useShortcuts } from '../shell/keys';
import { useNotices } from '../shell/notices';
import { changeLabels, deletionPlan, type Plan, protect } from '../studies/actions';
import { DeleteDialog, needsTyping } from '../studies/DeleteDialog';
import { useDeletions } from '../studies/deletions';
import { LabelDialog } from '../studies/LabelDialog';
import { SendDialog } from '../studies/SendDialog';
import { copyText } from './copyText';
import { protectedQuery, type StudyAnswer, studyQuery } from './queries';
import styles from './study.module.css';

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
      {may('download') && <Downloads study={study} />}
      {may('label') && (
        <Button className={styles.action} onPress={() => setOpen('label')}>
          <Icon name="label" />
          {t('labels')}
        </Button>
      )}
      {may('protect') && <Protect study={study} />}
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

function useFailing(): (error: unknown) => void {
  const shell = useTranslations('shell');
  const { show } = useNotices();
  return (error) =>
    show({
      text: `${shell(sentenceOf(error))} ${error instanceof Error ? error.message : ''}`,
      bad: true,
    });
}

function Downloads({ study }: { study: StudyAnswer }) {
  const t = useTranslations('study');
  return (
    <MenuTrigger>
      <Button className={styles.action}>
        <Icon name="download" />
        {t('download')}
        <Icon name="chevronDown" size={14} />
      </Button>
      <Popover className={styles.popover} placement="bottom start">
        <Menu className={styles.menu} aria-label={t('download')}>
          {(['archive', 'media'] as const).map((kind) => (
            <MenuItem
              key={kind}
              className={styles.menuItem}
              href={`/studies/${study.ID}/${kind}`}
              download=""
            >
              {t(kind)}
            </MenuItem>
          ))}
        </Menu>
      </Popover>
    </MenuTrigger>
  );
}

function Protect({ study }: { study: StudyAnswer }) {
  const t = useTranslations('study');
  const queries = useQueryClient();
  const notices = useNotices();
  const fail = useFailing();
  const query = protectedQuery(study.ParentPatient);
  const { data: isProtected } = useQuery(query);
  const change = useMutation({
    mutationFn: (to: boolean) => protect([study.ParentPatient], to),
    onSuccess: (_, to) => notices.show({ text: to ? t('nowProtected') : t('notProtected') }),
    onError: fail,
    onSettled: () => queries.invalidateQueries({ queryKey: query.queryKey }),
  });
  return (
    <Button
      className={styles.action}
      isDisabled={isProtected === undefined || change.isPending}
      onPress={() => change.mutate(!isProtected)}
    >
      <Icon name={isProtected ? 'lock' : 'unlock'} />
      {isProtected ? t('unprotect') : t('protect')}
    </Button>
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
