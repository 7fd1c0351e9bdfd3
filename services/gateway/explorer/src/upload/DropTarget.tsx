// SPDX-License-Identifier: Apache-2.0
/** Files may be dropped on any page; the target covers it while something is dragged over. */
import { useNavigate } from '@tanstack/react-router';
import { useEffect, useState } from 'react';
import { useTranslations } from 'use-intl';
import { useMay, useSession } from '../api/session';
import styles from './DropTarget.module.css';
import { walk } from './found';
import { useUploads } from './queue';

export function DropTarget() {
  const t = useTranslations('upload');
  const may = useMay()('upload');
  const title = useSession()?.title ?? 'Pons';
  const queue = useUploads();
  const navigate = useNavigate();
  const [over, setOver] = useState(false);

  useEffect(() => {
    if (!may) return;
    const hasFiles = (event: DragEvent) => event.dataTransfer?.types.includes('Files') ?? false;
    /** A page that takes files for something else uploads none of them, wherever they fall. */
    const isTaken = () => document.querySelector('[data-own-drop]') !== null;
    const enter = (event: DragEvent) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      if (isTaken()) {
        if (event.dataTransfer) event.dataTransfer.dropEffect = 'none';
        return;
      }
      setOver(true);
    };
    const leave = (event: DragEvent) => {
      if (event.relatedTarget === null) setOver(false);
    };
    const drop = (event: DragEvent) => {
      if (!hasFiles(event) || !event.dataTransfer) return;
      event.preventDefault();
      setOver(false);
      if (isTaken()) return;
      const dropped = event.dataTransfer;
      void queue.gather((give, stop) => walk(dropped, give, stop));
      void navigate({ to: '/upload' });
    };
    window.addEventListener('dragover', enter);
    window.addEventListener('dragleave', leave);
    window.addEventListener('drop', drop);
    return () => {
      window.removeEventListener('dragover', enter);
      window.removeEventListener('dragleave', leave);
      window.removeEventListener('drop', drop);
    };
  }, [may, queue, navigate]);

  return over ? (
    <div className={styles.target}>
      <p>{t('dropAnywhere', { store: title })}</p>
    </div>
  ) : null;
}
