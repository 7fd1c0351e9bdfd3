// SPDX-License-Identifier: Apache-2.0
/** How a modality or a peer is: a mark whose shape tells it, and words. */

import { type Contact, standingOf, useContactTexts } from './contacts';
import styles from './contacts.module.css';

export function Mark({ contact }: { contact: Contact }) {
  return <span className={styles.mark} data-standing={standingOf(contact)} aria-hidden="true" />;
}

/** In one line; what else is known of it where the pointer rests. */
export function Standing({ contact }: { contact: Contact }) {
  const texts = useContactTexts();
  return (
    <span className={styles.standing} title={texts.whole(contact)}>
      <Mark contact={contact} />
      {texts.standing(contact)}
    </span>
  );
}

/** All that is known of it. */
export function ContactDetails({ contact }: { contact: Contact }) {
  const texts = useContactTexts();
  const { when, why, well } = contact ? texts.details(contact) : { when: '', why: '', well: '' };
  return (
    <span className={styles.details}>
      <Mark contact={contact} />
      <span>
        {texts.standing(contact)}
        {when && (
          <>
            {' · '}
            <span className={styles.when}>{when}</span>
          </>
        )}
        {why && (
          <bdi className={styles.why} lang="en">
            {why}
          </bdi>
        )}
        {well && <span className={styles.soft}>{well}</span>}
      </span>
    </span>
  );
}
