// SPDX-License-Identifier: Apache-2.0
/** In place of the filters while jobs are chosen: how many, and what can be done with them. */
import { useState } from 'react';
import { useLocale, useTranslations } from 'use-intl';
import type { JobRow } from '../api/schema';
import type { Selection } from '../grid/selection';
import { sentenceOf } from '../shell/Failure';
import { Icon, type IconName } from '../shell/Icon';
import { useShortcuts } from '../shell/keys';
import { useNotices } from '../shell/notices';
import toolbar from '../shell/Toolbar.module.css';
import type { Asked } from './address';
import { type Action, identifiers } from './queries';
import { isAsked, type Asked as Question, SureDialog } from './SureDialog';
import { useAct } from './useAct';

export const ACTIONS: { action: Action; icon: IconName; keys: string }[] = [
  { action: 'retry', icon: 'retry', keys: 'r' },
  { action: 'pause', icon: 'pause', keys: 'p' },
  { action: 'resume', icon: 'play', keys: 'u' },
  { action: 'cancel', icon: 'close', keys: 'c' },
  { action: 'forget', icon: 'trash', keys: 'Delete' },
];

interface Props {
  selection: Selection<JobRow>;
  asked: Asked;
  /** All that match. */
  matching: number;
  mayAct: boolean;
  onDone: () => void;
}

export function JobActions({ selection, asked, matching, mayAct, onDone }: Props) {
  const t = useTranslations('jobs');
  const shell = useTranslations('shell');
  const locale = useLocale();
  const { show } = useNotices();
  const act = useAct();
  const [sure, setSure] = useState<{ action: Question; ids: string[] } | null>(null);
  const [busy, setBusy] = useState(false);
  const ids = [...selection.ids];
  const known = new Map(selection.rows.map((row) => [row.id, row]));
  /** Those of the chosen ones that it may be possible with; the store decides. */
  const able = (action: Action) =>
    ids.filter((id) => known.get(id)?.actions.includes(action) ?? true);
  const run = async (action: Action, to: string[]) => {
    setBusy(true);
    if (await act(action, to)) selection.clear();
    setBusy(false);
    setSure(null);
    onDone();
  };
  const offered = mayAct
    ? ACTIONS.map((one) => ({ ...one, to: able(one.action) })).filter(({ to }) => to.length)
    : [];
  const start = (action: Action, to: string[]) => {
    if (isAsked(action)) setSure({ action, ids: to });
    else void run(action, to);
  };
  useShortcuts([
    ...offered.map(({ action, keys, to }) => ({
      keys,
      text: t(`do_${action}`),
      run: () => start(action, to),
    })),
    { keys: 'Escape', text: t('deselect'), run: selection.clear },
  ]);
  return (
    <section className={`${toolbar.bar} ${toolbar.selected}`} aria-label={t('selection')}>
      <strong role="status">{t('chosen', { count: ids.length })}</strong>
      {matching > ids.length && (
        <button
          type="button"
          className={toolbar.link}
          onClick={() =>
            identifiers(asked)
              .then(selection.chooseIds)
              .catch((error: unknown) => show({ text: shell(sentenceOf(error)), bad: true }))
          }
        >
          {t('chooseAll', { count: matching.toLocaleString(locale) })}
        </button>
      )}
      <span className={toolbar.space} />
      {offered.map(({ action, icon, to }) => (
        <button
          key={action}
          type="button"
          className={toolbar.button}
          aria-disabled={busy}
          onClick={() => !busy && start(action, to)}
        >
          <Icon name={icon} />
          {t(`do_${action}`)}
          {to.length < ids.length && <span> {to.length.toLocaleString(locale)}</span>}
        </button>
      ))}
      <button
        type="button"
        className={toolbar.button}
        aria-label={t('deselect')}
        onClick={selection.clear}
      >
        <Icon name="close" />
      </button>
      {sure && (
        <SureDialog
          action={sure.action}
          count={sure.ids.length}
          busy={busy}
          onAction={() => void run(sure.action, sure.ids)}
          onClose={() => setSure(null)}
        />
      )}
    </section>
  );
}
