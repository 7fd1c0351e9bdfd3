// SPDX-License-Identifier: Apache-2.0
/** The picture, what is written over it, and what the pointer does to it. */
import { type RefObject, useCallback, useEffect, useRef } from 'react';
import { Button } from 'react-aria-components';
import { useFormatter, useLocale, useTranslations } from 'use-intl';
import { Failure } from '../shell/Failure';
import { dateTimeText, personName } from '../studies/dicom';
import type { SeriesAnswer, StudyAnswer } from '../study/queries';
import { edges, location } from './geometry';
import { Lines } from './Lines';
import { NoPicture } from './NoPicture';
import { readout } from './readout';
import { usePointer } from './usePointer';
import { useSeen } from './useSeen';
import styles from './view.module.css';
import type { Viewer } from './viewer';

interface Props {
  viewer: Viewer;
  name: string;
  study: StudyAnswer | undefined;
  series: SeriesAnswer | undefined;
}

export function Stage({ viewer, name, study, series }: Props) {
  const t = useTranslations('view');
  const stage = useRef<HTMLDivElement>(null);
  const value = useRef<HTMLOutputElement>(null);
  const tool = useSeen(viewer, (seen) => seen.tool);
  const refused = useSeen(viewer, (seen) => seen.refused);
  const head = useSeen(viewer, (seen) => seen.head);
  useSize(viewer, stage);
  usePointer(viewer, stage, value);

  // The same function each time, else the canvas would be another one, and drawn, with each draw.
  const canvas = useCallback(
    (element: HTMLCanvasElement | null) => {
      viewer.attach(element);
      return () => viewer.attach(null);
    },
    [viewer],
  );
  const label = useLabel(viewer, name);
  return (
    <div ref={stage} className={styles.stage} data-tool={tool}>
      <canvas
        ref={canvas}
        className={styles.canvas}
        role="img"
        aria-label={label}
        hidden={head === null}
        data-large={useSeen(viewer, (seen) => (seen.placement?.scale ?? 1) >= 3) || undefined}
      />
      <Lines viewer={viewer} />
      <Overlay viewer={viewer} study={study} series={series} />
      <output ref={value} className={styles.value} aria-live="off" />
      {refused && <NoPicture refused={refused} again={() => viewer.again()} />}
      <Waiting viewer={viewer} text={t('loading')} />
      <Trouble viewer={viewer} />
    </div>
  );
}

/** What a screen reader says of the picture. */
function useLabel(viewer: Viewer, name: string): string {
  const t = useTranslations('view');
  const slice = useSeen(viewer, (seen) => seen.slice);
  const center = useSeen(viewer, ({ display }) => Math.round(display?.window.center ?? 0));
  const width = useSeen(viewer, ({ display }) => Math.round(display?.window.width ?? 0));
  return t('picture', { name, number: slice + 1, total: viewer.order.Total, center, width });
}

function useSize(viewer: Viewer, stage: RefObject<HTMLDivElement | null>): void {
  useEffect(() => {
    const element = stage.current;
    if (!element) return;
    const observer = new ResizeObserver(() =>
      viewer.resize({ width: element.clientWidth, height: element.clientHeight }),
    );
    observer.observe(element);
    viewer.resize({ width: element.clientWidth, height: element.clientHeight });
    return () => observer.disconnect();
  }, [viewer, stage]);
}

function Overlay({ viewer, study, series }: Omit<Props, 'name'>) {
  const t = useTranslations('view');
  const format = useFormatter();
  const locale = useLocale();
  const seen = useSeen(viewer, (all) => all);
  const { head, display, placement } = seen;
  if (!head || !display || !placement) return null;
  const sides = edges(head, placement);
  const place = location(head);
  const patient = study?.PatientMainDicomTags;
  const tags = study?.MainDicomTags;
  const number = (value: number) => format.number(value, { maximumFractionDigits: 1 });
  return (
    <>
      <div className={styles.corner} data-at="top-left" dir="auto">
        <b>{personName(patient?.PatientName ?? '')}</b>
        <span>{patient?.PatientID}</span>
        <span>{dateTimeText(tags?.StudyDate ?? '', tags?.StudyTime ?? '', locale)}</span>
      </div>
      <div className={styles.corner} data-at="top-right" dir="auto">
        <span>{tags?.StudyDescription}</span>
        <span>{series?.MainDicomTags.SeriesDescription}</span>
        <span>{head.Number !== null && `# ${head.Number}`}</span>
        {head.Lossy && <span className={styles.warn}>{t('lossy')}</span>}
      </div>
      <div className={styles.corner} data-at="bottom-left">
        {place !== null && <span>{t('location', { value: number(place) })}</span>}
        <span>
          {head.Columns} × {head.Rows}
          {head.Spacing &&
            head.SpacingAt !== 'patient' &&
            ` · ${t(`at_${head.SpacingAt || 'page'}`)}`}
        </span>
      </div>
      <div className={styles.corner} data-at="bottom-right">
        {head.Pixels !== 'RGB' && (
          <span>
            {display.voiLut !== null
              ? head.VoiLuts?.[display.voiLut]?.Explanation || 'LUT'
              : `W ${readout(display.window.width)} L ${readout(display.window.center)}`}
          </span>
        )}
        <span>{format.number(placement.scale, { style: 'percent' })}</span>
        {(placement.flippedX || placement.flippedY || display.inverted) && (
          <span className={styles.warn}>
            {[
              placement.flippedX && t('flippedX'),
              placement.flippedY && t('flippedY'),
              display.inverted && t('inverted'),
            ]
              .filter(Boolean)
              .join(' · ')}
          </span>
        )}
      </div>
      {sides &&
        (['left', 'right', 'top', 'bottom'] as const).map((side) => (
          <span key={side} className={styles.side} data-at={side}>
            {sides[side]}
          </span>
        ))}
    </>
  );
}

function Waiting({ viewer, text }: { viewer: Viewer; text: string }) {
  const waiting = useSeen(viewer, (seen) => seen.waiting && seen.error === null);
  return waiting && <p className={styles.waiting}>{text}</p>;
}

/** Frames that do not come: whatever is here already can be looked at meanwhile. */
function Trouble({ viewer }: { viewer: Viewer }) {
  const t = useTranslations('shell');
  const error = useSeen(viewer, (seen) => seen.error);
  const waiting = useSeen(viewer, (seen) => seen.waiting);
  if (!error) return null;
  return waiting ? (
    <div className={styles.failure}>
      <Failure error={error} retry={() => viewer.again()} />
    </div>
  ) : (
    <Button className={styles.trouble} onPress={() => viewer.again()}>
      {t('errorUnreachable')} {t('tryAgain')}
    </Button>
  );
}
