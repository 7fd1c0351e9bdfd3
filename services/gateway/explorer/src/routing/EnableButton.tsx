// SPDX-License-Identifier: Apache-2.0
import { useQueryClient } from '@tanstack/react-query';
import { Button } from 'react-aria-components';
import { useTranslations } from 'use-intl';
import { putJson } from '../api/client';
import { sentenceOf } from '../shell/Failure';
import { useNotices } from '../shell/notices';
import { type Kept, useDoubts } from './useDoubts';

interface Rule {
  name: string;
  revision: number;
  rule: { Enabled?: boolean };
}

interface Props {
  one: Rule;
  pathOf: (name: string) => string;
  /** The rules as they are now. */
  read: () => Promise<readonly Rule[]>;
  queryKey: readonly string[];
}

/** Lets a rule rest, or no longer: nothing of it but this, since somebody else may have changed it. */
export function EnableButton({ one: { name, rule }, pathOf, read, queryKey }: Props) {
  const t = useTranslations('routing');
  const shell = useTranslations('shell');
  const queries = useQueryClient();
  const { show } = useNotices();
  const tellDoubts = useDoubts();
  const rests = rule.Enabled === false;
  const change = async () => {
    try {
      const now = (await read()).find((other) => other.name === name);
      if (now) {
        const { revision } = now;
        const body = { ...now.rule, Enabled: rests };
        tellDoubts(pathOf(name), name, await putJson<Kept>(pathOf(name), body, { revision }));
      }
    } catch (error) {
      const why = error instanceof Error ? error.message : '';
      show({ text: `${shell(sentenceOf(error))} ${why}`, bad: true, about: pathOf(name) });
    }
    await queries.invalidateQueries({ queryKey });
  };
  return (
    <Button
      aria-label={t(rests ? 'enableOf' : 'disableOf', { name })}
      onPress={() => void change()}
    >
      {rests ? t('enable') : t('disable')}
    </Button>
  );
}
