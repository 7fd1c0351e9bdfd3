// SPDX-License-Identifier: Apache-2.0
/** Of a list of identifiers, those that the store has nothing of: a number of rows does not tell. */
import { useQuery } from '@tanstack/react-query';
import { useTranslations } from 'use-intl';
import { post } from '../api/client';
import toolbar from '../shell/Toolbar.module.css';
import type { IdentifierList } from './identifiers';

const SHOWN = 20;
const ASKED = {
  patientId: { level: 'Patient', tag: 'PatientID' },
  accession: { level: 'Study', tag: 'AccessionNumber' },
  studyUid: { level: 'Study', tag: 'StudyInstanceUID' },
};

interface Found {
  MainDicomTags: Record<string, string>;
}

/** As the store compares them. */
const sameOf = (text: string) => text.trim().toUpperCase();

interface Props {
  list: IdentifierList;
  /** Counted up to see what has arrived. */
  round: number;
}

export function MissingIdentifiers({ list: { filter, identifiers }, round }: Props) {
  const t = useTranslations('studies');
  const { level, tag } = ASKED[filter];
  // What a pattern finds is no matter of being there.
  const whole = identifiers.filter((one) => !/[*?]/.test(one));
  const { data: found } = useQuery({
    queryKey: ['studies', 'identifiers', filter, whole, round],
    queryFn: ({ signal }) =>
      post<Found[]>(
        '/tools/find',
        { Level: level, Query: { [tag]: whole.join('\\') }, Expand: true },
        { signal },
      ),
    enabled: whole.length > 0,
  });
  const here = new Set(found?.map(({ MainDicomTags }) => sameOf(MainDicomTags[tag] ?? '')));
  const missing = found ? whole.filter((one) => !here.has(sameOf(one))) : [];
  if (!missing.length) return null;
  const named = missing.slice(0, SHOWN).join(', ');
  return (
    <p className={toolbar.told} role="status">
      {t('notHere', { what: t(`filter_${filter}`), count: missing.length, all: whole.length })}{' '}
      <bdi>{missing.length > SHOWN ? `${named}, …` : named}</bdi>
    </p>
  );
}
