// SPDX-License-Identifier: Apache-2.0
/** In the side bar: every modality and peer, and how the last contact with it went. */
import { useRouter } from '@tanstack/react-router';
import { type AnchorHTMLAttributes, useId } from 'react';
import { useTranslations } from 'use-intl';
import type { RemoteState } from '../api/schema';
import { useMay } from '../api/session';
import { useRemotes } from '../live/live';
import side from '../shell/SideList.module.css';
import { foremost, useContactTexts } from './contacts';
import styles from './contacts.module.css';
import { Mark } from './Standing';

/** More are not looked through in a narrow column: their page has all of them. */
const MOST = 12;

export function SideRemotes() {
  const t = useTranslations('network');
  const title = useId();
  const remotes = useRemotes();
  if (!remotes?.length) return null;
  const more = remotes.length - MOST;
  return (
    <section aria-labelledby={title}>
      <h2 id={title} className={side.title}>
        {t('systems')}
      </h2>
      <ul className={`${side.list} ${styles.list}`}>
        {foremost(remotes, MOST).map((one) => (
          <li key={`${one.kind} ${one.name}`}>
            <Remote remote={one} />
          </li>
        ))}
        {more > 0 && (
          <li>
            <Entry href="/explorer/operate/modalities">{t('moreSystems', { count: more })}</Entry>
          </li>
        )}
      </ul>
    </section>
  );
}

/** Leads to a query of it where that can be made, else to where it is described. */
function Remote({ remote: { kind, name, contact } }: { remote: RemoteState }) {
  const may = useMay();
  const texts = useContactTexts();
  const about = useId();
  const href =
    kind === 'peer'
      ? '/explorer/operate/peers'
      : may('query')
        ? `/explorer/remote/${encodeURIComponent(name)}`
        : '/explorer/operate/modalities';
  return (
    <Entry href={href} title={texts.whole(contact)} aria-describedby={contact ? about : undefined}>
      <Mark contact={contact} />
      <bdi>{name}</bdi>
      <span className={styles.unseen}>{texts.standing(contact)}</span>
      {contact && (
        <span id={about} hidden>
          {Object.values(texts.details(contact)).filter(Boolean).join(' · ')}
        </span>
      )}
    </Entry>
  );
}

/** A link that is never the current page: many of them may lead to the one that is shown. */
function Entry({ href, ...others }: AnchorHTMLAttributes<HTMLAnchorElement> & { href: string }) {
  const { history } = useRouter();
  return (
    <a
      href={href}
      className={side.entry}
      onClick={(event) => {
        if (event.ctrlKey || event.metaKey || event.shiftKey) return;
        event.preventDefault();
        history.push(href);
      }}
      {...others}
    />
  );
}
