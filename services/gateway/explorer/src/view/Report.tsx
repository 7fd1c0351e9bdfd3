// SPDX-License-Identifier: Apache-2.0
/** A structured report or key object note as text (PS3.3 C.17.3). */
import { Link } from '@tanstack/react-router';
import { useTranslations } from 'use-intl';
import { personName } from '../studies/dicom';
import type { ShownTag } from '../study/queries';
import styles from './view.module.css';

const find = (tags: ShownTag[], tag: string) => tags.find((one) => one.tag === tag);
const first = (tags: ShownTag[], tag: string) => find(tags, tag)?.items?.[0] ?? [];
/** What a code means, Code Meaning (0008,0104). */
const meaning = (tags: ShownTag[]) => find(tags, '00080104')?.value ?? '';

/** Attributes of content items that hold a text. */
const TEXTS = ['0040A160', '0040A121', '0040A122', '0040A120', '0040A124'];

export function Report({ id, tags }: { id: string; tags: ShownTag[] }) {
  const t = useTranslations('view');
  return (
    <article className={styles.report}>
      <Item tags={tags} depth={2} />
      <p>
        <Link to="/instances/$id" params={{ id }} search={{ tab: 'tags' }}>
          {t('toTags')}
        </Link>
      </p>
    </article>
  );
}

function Item({ tags, depth }: { tags: ShownTag[]; depth: number }) {
  const t = useTranslations('view');
  const name = meaning(first(tags, '0040A043'));
  const value = textOf(tags);
  const below = find(tags, '0040A730');
  const references = find(tags, '00081199')?.items ?? [];
  const isContainer = find(tags, '0040A040')?.value === 'CONTAINER';
  return (
    <div className={styles.content}>
      {isContainer ? (
        depth === 2 ? (
          <h2 dir="auto">{name}</h2>
        ) : (
          <h3 dir="auto">{name}</h3>
        )
      ) : (
        <p dir="auto">
          {name && <b>{name}: </b>}
          <span className={styles.text}>{value}</span>
          {references.map((one) => {
            const uid = find(one, '00081155')?.value ?? '';
            return <code key={uid}>{uid}</code>;
          })}
        </p>
      )}
      {below?.items?.map((item, number) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: items of a data set have nothing but their place
        <Item key={number} tags={item} depth={depth + 1} />
      ))}
      {below?.cut && <p className={styles.warn}>{t('reportCut')}</p>}
    </div>
  );
}

function textOf(tags: ShownTag[]): string {
  for (const tag of TEXTS) {
    const found = find(tags, tag);
    if (found?.value) return found.value + (found.cut ? ' …' : '');
  }
  const person = find(tags, '0040A123')?.value;
  if (person) return personName(person);
  const code = meaning(first(tags, '0040A168'));
  if (code) return code;
  const measured = first(tags, '0040A300');
  const number = find(measured, '0040A30A')?.value;
  return number ? `${number} ${meaning(first(measured, '004008EA'))}`.trim() : '';
}
