// SPDX-License-Identifier: Apache-2.0
import { useTranslations } from 'use-intl';
import { sentenceOf } from '../shell/Failure';
import { useNotices } from '../shell/notices';

/** Tells why something was not done. */
export function useFailing(): (error: unknown) => void {
  const shell = useTranslations('shell');
  const { show } = useNotices();
  return (error) =>
    show({
      text: `${shell(sentenceOf(error))} ${error instanceof Error ? error.message : ''}`,
      bad: true,
    });
}
