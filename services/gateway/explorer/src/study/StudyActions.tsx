// SPDX-License-Identifier: Apache-2.0
/** What can be done with a study: to look at it, what can be done with several, and its labels. */
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate } from '@tanstack/react-router';
import { Button } from 'react-aria-components';
import { useTranslations } from 'use-intl';
import { useMay } from '../api/session';
import { Icon } from '../shell/Icon';
import { useShortcuts } from '../shell/keys';
import { changeLabels } from '../studies/actions';
import { Actions } from './Actions';
import { type StudyAnswer, studyQuery } from './queries';
import styles from './study.module.css';
import { useFailing } from './useFailing';

export function StudyActions({
  study,
  series,
  part,
}: {
  study: StudyAnswer;
  /** The one that is viewed. */
  series: string | undefined;
  part: { series: string | undefined } | undefined;
}) {
  const t = useTranslations('study');
  const navigate = useNavigate();
  const view = () => {
    if (series) void navigate({ to: '/view/$series', params: { series } });
  };
  useShortcuts([{ keys: 'v', text: t('view'), run: view }]);
  return (
    <Actions
      level="studies"
      id={study.ID}
      part={part}
      patient={study.ParentPatient}
      ids={[study.ID]}
      link={`/explorer/uid/${study.MainDicomTags.StudyInstanceUID}`}
      linkCopied={t('linkCopied')}
      labelled={studyQuery(study.ID).queryKey}
      name={t('actions')}
      first={
        series && (
          <Link to="/view/$series" params={{ series }} className={styles.primary}>
            <Icon name="eye" />
            {t('view')}
          </Link>
        )
      }
    >
      <Labels study={study} />
    </Actions>
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
