// SPDX-License-Identifier: Apache-2.0
/** The tags of an instance: searched by name, tag or value, sequences opened, values copied. */
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useVirtualizer } from '@tanstack/react-virtual';
import { useDeferredValue, useMemo, useRef, useState } from 'react';
import { Button, Checkbox, Input, SearchField } from 'react-aria-components';
import { useFormatter, useTranslations } from 'use-intl';
import { Failure } from '../shell/Failure';
import { Icon } from '../shell/Icon';
import { useShortcuts } from '../shell/keys';
import { useNotices } from '../shell/notices';
import { copyText } from './copyText';
import { type ShownTag, tagsQuery, WHOLE } from './queries';
import { flatten, type TagRow, valueText } from './tagRows';
import styles from './tags.module.css';

export function Tags({ instance }: { instance: string | undefined }) {
  const t = useTranslations('study');
  const { data, error, refetch } = useQuery({
    ...tagsQuery(instance ?? ''),
    enabled: instance !== undefined,
  });
  const box = useRef<HTMLInputElement>(null);
  useShortcuts([{ keys: 't', text: t('searchTags'), run: () => box.current?.focus() }]);
  const [search, setSearch] = useState('');
  const [withPrivate, setWithPrivate] = useState(false);
  const [open, setOpen] = useState<ReadonlySet<string>>(new Set());
  const looked = useDeferredValue(search);
  const rows = useMemo(
    () => (data ? flatten(data, { search: looked, withPrivate, open }) : []),
    [data, looked, withPrivate, open],
  );
  const onlyPrivate =
    rows.length === 0 &&
    !withPrivate &&
    data !== undefined &&
    flatten(data, { search: looked, withPrivate: true, open }).length > 0;
  if (error) return <Failure error={error} retry={() => void refetch()} />;
  if (!instance || !data) return <p className={styles.quiet}>{t('loading')}</p>;
  const toggle = (path: string) => {
    const next = new Set(open);
    if (!next.delete(path)) next.add(path);
    setOpen(next);
  };
  return (
    <div className={styles.tags}>
      <div className={styles.tools}>
        <SearchField
          className={styles.search}
          aria-label={t('searchTags')}
          value={search}
          onChange={setSearch}
        >
          <Icon name="search" size={16} />
          <Input ref={box} placeholder={t('searchTags')} />
        </SearchField>
        <Checkbox className={styles.check} isSelected={withPrivate} onChange={setWithPrivate}>
          <span className={styles.box}>
            <Icon name="check" size={13} />
          </span>
          {t('private')}
        </Checkbox>
      </div>
      <Rows instance={instance} rows={rows} toggle={toggle} />
      {rows.length === 0 && (
        <p className={styles.quiet}>{t(onlyPrivate ? 'onlyPrivate' : 'noTags')}</p>
      )}
      {data.more && <p className={styles.quiet}>{t('moreTags')}</p>}
    </div>
  );
}

interface RowsProps {
  instance: string;
  rows: TagRow[];
  toggle: (path: string) => void;
}

function Rows({ instance, rows, toggle }: RowsProps) {
  const t = useTranslations('study');
  const box = useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => box.current,
    estimateSize: () => 30,
    overscan: 20,
    getItemKey: (index) => rows[index]?.key ?? index,
  });
  return (
    <div
      ref={box}
      className={styles.list}
      role="table"
      aria-label={t('tab_tags')}
      aria-rowcount={rows.length}
      tabIndex={0}
    >
      <div style={{ height: virtual.getTotalSize() }} role="rowgroup">
        {virtual.getVirtualItems().map(({ index, start, key }) => {
          const row = rows[index];
          return (
            row && (
              <div
                key={key}
                ref={virtual.measureElement}
                data-index={index}
                className={styles.row}
                role="row"
                aria-rowindex={index + 1}
                style={{
                  transform: `translateY(${start}px)`,
                  paddingInlineStart: 8 + 16 * row.depth,
                }}
              >
                <TagCells instance={instance} row={row} toggle={toggle} />
              </div>
            )
          );
        })}
      </div>
    </div>
  );
}

function TagCells({
  instance,
  row,
  toggle,
}: {
  instance: string;
  row: TagRow;
  toggle: (path: string) => void;
}) {
  const t = useTranslations('study');
  if (row.item !== undefined) {
    return (
      <span className={styles.item} role="cell">
        {t('item', { number: row.item + 1 })}
      </span>
    );
  }
  const { tag } = row;
  return (
    <>
      <span className={styles.tag} role="cell">
        {tag.items && (
          <Button
            className={styles.twist}
            data-open={row.open || undefined}
            aria-expanded={row.open}
            aria-label={t('openSequence', { name: tag.name || tag.tag })}
            onPress={() => toggle(tag.path)}
          >
            <Icon name="chevronRight" size={13} />
          </Button>
        )}
        <code>
          {tag.tag.slice(0, 4)},{tag.tag.slice(4)}
        </code>
      </span>
      <span className={styles.vr} role="cell">
        {tag.vr}
      </span>
      <span className={styles.tagName} role="cell" title={tag.keyword || tag.creator}>
        {tag.name || t('unknownTag')}
        {tag.creator && <span className={styles.creator}>{tag.creator}</span>}
      </span>
      <Value key={instance} instance={instance} tag={tag} />
    </>
  );
}

function Value({ instance, tag }: { instance: string; tag: ShownTag }) {
  const t = useTranslations('study');
  const format = useFormatter();
  const queries = useQueryClient();
  const notices = useNotices();
  const [whole, setWhole] = useState<string | null>(null);
  if (tag.items) {
    return (
      <span className={styles.value} role="cell">
        {tag.count === null || tag.count === undefined
          ? t('sequenceTooLong')
          : t('items', { count: tag.count })}
      </span>
    );
  }
  const text = whole ?? valueText(tag);
  const show = async () => {
    const all = await queries.fetchQuery(tagsQuery(instance, WHOLE));
    setWhole(valueText(findPath(all.meta, tag.path) ?? findPath(all.tags, tag.path) ?? tag));
  };
  const copy = async () => {
    const copied = await copyText(text);
    notices.show(copied ? { text: t('copied') } : { text: t('notCopied'), bad: true });
  };
  return (
    <span className={styles.value} role="cell">
      {tag.value === null || (tag.value === undefined && tag.bytes) ? (
        <span className={styles.soft}>{t('binary', { bytes: format.number(tag.bytes ?? 0) })}</span>
      ) : (
        <bdi className={styles.text}>{text}</bdi>
      )}
      {tag.meaning && <span className={styles.soft}>{tag.meaning}</span>}
      {tag.cut && tag.length && whole === null && (
        <Button className={styles.more} onPress={() => void show()}>
          {t('showWhole', { length: format.number(tag.length) })}
        </Button>
      )}
      {text && (
        <Button
          className={styles.copy}
          aria-label={t('copyValue', { name: tag.name || tag.tag })}
          onPress={() => void copy()}
        >
          <Icon name="copy" size={14} />
        </Button>
      )}
    </span>
  );
}

function findPath(tags: ShownTag[], path: string): ShownTag | undefined {
  for (const tag of tags) {
    if (tag.path === path) return tag;
    if (!path.startsWith(`${tag.path}/`)) continue;
    for (const item of tag.items ?? []) {
      const found = findPath(item, path);
      if (found) return found;
    }
  }
  return undefined;
}
