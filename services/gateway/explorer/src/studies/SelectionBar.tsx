// SPDX-License-Identifier: Apache-2.0
/** In place of the filters while rows are chosen: how many, and what can be done with them. */
import { useQueryClient } from '@tanstack/react-query';
import { useRef, useState } from 'react';
import { useLocale, useTranslations } from 'use-intl';
import { useHas, useMay } from '../api/session';
import type { Selection } from '../grid/selection';
import { type Action, ActionButton, useRun } from '../shell/ActionButton';
import { sentenceOf } from '../shell/Failure';
import { Icon } from '../shell/Icon';
import { useShortcuts } from '../shell/keys';
import { useNotices } from '../shell/notices';
import { ReadOnly } from '../shell/ReadOnly';
import styles from '../shell/Toolbar.module.css';
import { deletionPlan, download, heldBack, type Plan, packAddress, protect } from './actions';
import type { Asked } from './address';
import { DeleteDialog, needsTyping } from './DeleteDialog';
import { DownloadDialog } from './DownloadDialog';
import { useDeletions } from './deletions';
import { LabelDialog } from './LabelDialog';
import { SendDialog } from './SendDialog';
import { type Count, identifiers, type Row } from './search';

interface Props {
  selection: Selection<Row>;
  asked: Asked;
  count: Count | null;
  /** Rows have other values now. */
  onChanged: () => void;
}

type Open = 'send' | 'download' | 'label' | { plan: Plan; ids: string[] } | null;

export function SelectionBar({ selection, asked, count, onChanged }: Props) {
  const t = useTranslations('studies');
  const shell = useTranslations('shell');
  const locale = useLocale();
  const may = useMay();
  const has = useHas();
  const queries = useQueryClient();
  const { show } = useNotices();
  const { remove } = useDeletions();
  const [open, setOpen] = useState<Open>(null);
  const ids = [...selection.ids];
  const chosen = ids.length;

  const attempt = (what: () => Promise<void>) => {
    what().catch((error: unknown) =>
      show({
        text: `${shell(sentenceOf(error))} ${error instanceof Error ? error.message : ''}`,
        bad: true,
      }),
    );
  };
  const hide = ({ studies, instances }: Plan, gone: string[]) => {
    remove(gone, { studies, instances });
    selection.clear();
  };
  const asking = useRef(false);
  const startDeletion = async () => {
    if (asking.current) return;
    asking.current = true;
    const plan = await deletionPlan(ids).finally(() => {
      asking.current = false;
    });
    if (plan.protectedStudies || needsTyping(plan)) setOpen({ plan, ids });
    else if (plan.studies) hide(plan, ids);
    else show({ text: t('nothingToDelete') });
  };
  const patients = [...new Set(selection.rows.map(({ patient }) => patient))];
  const allProtected = selection.rows.length > 0 && selection.rows.every((row) => row.protected);

  const runOf = useRun();
  const actions: Action[] = [];
  if (may('send') && (has('modalities') || has('peers')))
    actions.push({ name: t('send'), icon: 'send', keys: 'e', run: () => setOpen('send') });
  if (may('download'))
    actions.push({
      name: t('download'),
      icon: 'download',
      keys: 'd',
      run: () => (chosen > 1 ? setOpen('download') : download(packAddress(ids, 'archive'))),
    });
  if (may('label'))
    actions.push({ name: t('label'), icon: 'label', keys: 'l', run: () => setOpen('label') });
  if (may('protect') && has('patients'))
    actions.push({
      name: allProtected ? t('unprotect') : t('protect'),
      icon: 'lock',
      keys: 'h',
      // Of what was chosen without being loaded, no row says of whom it is.
      ...(selection.rows.length === chosen ? {} : { why: t('protectWhy') }),
      run: () =>
        attempt(async () => {
          await protect(patients, !allProtected);
          show({
            text: t(allProtected ? 'unprotected' : 'protectedNow', { count: patients.length }),
          });
          onChanged();
        }),
    });
  if (may('delete'))
    actions.push({
      name: t('delete'),
      icon: 'trash',
      keys: '#',
      danger: true,
      run: () => attempt(startDeletion),
    });
  useShortcuts([
    ...actions.map((action) => ({ keys: action.keys, text: action.name, run: runOf(action) })),
    ...(may('delete')
      ? [{ keys: 'Delete', text: t('delete'), run: () => attempt(startDeletion) }]
      : []),
    { keys: 'Escape', text: t('deselect'), run: selection.clear },
  ]);
  // What is protected stays, and has to be known one by one for that.
  const held =
    open !== null && typeof open === 'object'
      ? heldBack(selection.rows, open.plan)
      : new Set<string>();
  const others = count && count.value > chosen;
  return (
    <section className={`${styles.bar} ${styles.selected}`} aria-label={t('selection')}>
      <span className={styles.count}>
        <strong>{t('chosen', { count: chosen })}</strong>
      </span>
      {others && (
        <button
          type="button"
          className={styles.link}
          onClick={() => attempt(async () => selection.chooseIds(await identifiers(asked)))}
        >
          {t('chooseAll', { count: count.value.toLocaleString(locale) })}
        </button>
      )}
      <span className={styles.space} />
      <ReadOnly className={styles.why} />
      {actions.map((action) => (
        <ActionButton key={action.icon} action={action} className={styles.button} />
      ))}
      <button
        type="button"
        className={styles.button}
        aria-label={t('deselect')}
        onClick={selection.clear}
      >
        <Icon name="close" />
      </button>
      {open === 'send' && <SendDialog ids={ids} onClose={() => setOpen(null)} />}
      {open === 'download' && <DownloadDialog ids={ids} onClose={() => setOpen(null)} />}
      {open === 'label' && (
        <LabelDialog
          ids={ids}
          onClose={() => setOpen(null)}
          onDone={() => {
            setOpen(null);
            void queries.invalidateQueries({ queryKey: ['studies', 'facets'] });
            onChanged();
          }}
        />
      )}
      {open !== null && typeof open === 'object' && (
        <DeleteDialog
          plan={open.plan}
          held={held.size}
          onClose={() => setOpen(null)}
          onDelete={() => {
            hide(
              open.plan,
              open.ids.filter((id) => !held.has(id)),
            );
            setOpen(null);
          }}
        />
      )}
    </section>
  );
}
