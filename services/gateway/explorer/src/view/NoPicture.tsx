// SPDX-License-Identifier: Apache-2.0
/** What has no picture: a document, a report or a film where it is one, else why it cannot be shown. */
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { Button } from 'react-aria-components';
import { useTranslations } from 'use-intl';
import { type ShownTag, tagsQuery, WHOLE } from '../study/queries';
import type { Refused } from './frame';
import { Report } from './Report';
import styles from './view.module.css';

const PDF = '1.2.840.10008.5.1.4.1.1.104.1';
const FILM = /^1\.2\.840\.10008\.1\.2\.4\.10[0-8]/;

const textOf = (tags: ShownTag[], tag: string) => tags.find((one) => one.tag === tag)?.value;

export function NoPicture({ refused, again }: { refused: Refused; again: () => void }) {
  const t = useTranslations('view');
  const { data } = useQuery(tagsQuery(refused.Instance, WHOLE));
  const { Instance: id } = refused;
  if (data) {
    if (textOf(data.tags, '00080016') === PDF) {
      return (
        <iframe className={styles.document} title={t('document')} src={`/instances/${id}/pdf`} />
      );
    }
    if (FILM.test(textOf(data.meta, '00020010') ?? '')) {
      return (
        // biome-ignore lint/a11y/useMediaCaption: films of examinations have no words
        <video className={styles.document} controls src={`/instances/${id}/frames/0/raw`} />
      );
    }
    if (data.tags.some(({ tag }) => tag === '0040A730')) return <Report id={id} tags={data.tags} />;
  }
  return (
    <div className={styles.refused} role="alert">
      <p>{t('cannotBeShown')}</p>
      <p className={styles.reason}>{refused.Error}</p>
      <div className={styles.ways}>
        <Button className={styles.preset} onPress={again}>
          {t('again')}
        </Button>
        <Link to="/instances/$id" params={{ id }} search={{ tab: 'tags' }}>
          {t('toTags')}
        </Link>
        <a href={`/instances/${id}/file`} download>
          {t('download')}
        </a>
      </div>
    </div>
  );
}
