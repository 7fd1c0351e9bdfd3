// SPDX-License-Identifier: Apache-2.0
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Button } from 'react-aria-components';
import { useTranslations } from 'use-intl';
import { Icon } from '../shell/Icon';
import { useNotices } from '../shell/notices';
import { protect } from '../studies/actions';
import { protectedQuery } from './queries';
import styles from './study.module.css';
import { useFailing } from './useFailing';

/** Whether nothing of a patient goes to make room. */
export function Protect({ patient }: { patient: string }) {
  const t = useTranslations('study');
  const queries = useQueryClient();
  const notices = useNotices();
  const fail = useFailing();
  const query = protectedQuery(patient);
  const { data: isProtected } = useQuery(query);
  const change = useMutation({
    mutationFn: (to: boolean) => protect([patient], to),
    onSuccess: (_, to) => notices.show({ text: to ? t('nowProtected') : t('notProtected') }),
    onError: fail,
    onSettled: () => queries.invalidateQueries({ queryKey: query.queryKey }),
  });
  return (
    <Button
      className={styles.action}
      isDisabled={isProtected === undefined}
      isPending={change.isPending}
      onPress={() => change.mutate(!isProtected)}
    >
      <Icon name={isProtected ? 'lock' : 'unlock'} />
      {isProtected ? t('unprotect') : t('protect')}
    </Button>
  );
}
