// SPDX-License-Identifier: Apache-2.0
/** Tools, window and movement, each with its key. */
import { Link } from '@tanstack/react-router';
import { useId } from 'react';
import {
  Button,
  Input,
  Menu,
  MenuItem,
  MenuTrigger,
  NumberField,
  Popover,
  ToggleButton,
} from 'react-aria-components';
import { useTranslations } from 'use-intl';
import { Icon, type IconName } from '../shell/Icon';
import { presetsOf } from './presets';
import { useSeen } from './useSeen';
import { TOOLS } from './useViewerKeys';
import styles from './view.module.css';
import type { Tool, Viewer } from './viewer';

const ICONS: Record<Tool, IconName> = {
  window: 'window',
  pan: 'pan',
  zoom: 'zoom',
  length: 'ruler',
  scroll: 'studies',
};

interface Props {
  viewer: Viewer;
  series: string;
  modality: string;
  studyId: string;
  seriesId: string;
}

export function Toolbar({ viewer, series, modality, studyId, seriesId }: Props) {
  const t = useTranslations('view');
  const refused = useSeen(viewer, (seen) => seen.refused !== null);
  // Among several slices one without a picture leaves the tools where they are.
  const pictured = !refused || viewer.order.Total > 1;
  return (
    <div className={styles.bar} role="toolbar" aria-label={t('tools')}>
      <Link
        to="/studies/$id"
        params={{ id: studyId }}
        search={{ series: seriesId }}
        className={styles.back}
      >
        <Icon name="chevronLeft" />
        {t('study')}
      </Link>
      <span className={styles.name} dir="auto" title={series}>
        {series}
      </span>
      <Slices viewer={viewer} />
      <WindowFields viewer={viewer} modality={modality} />
      {pictured && <Tools viewer={viewer} />}
      {pictured && <Turns viewer={viewer} />}
      <Cine viewer={viewer} />
    </div>
  );
}

function Slices({ viewer }: { viewer: Viewer }) {
  const t = useTranslations('view');
  const slice = useSeen(viewer, (seen) => seen.slice);
  const loaded = useSeen(viewer, (seen) => seen.loaded);
  const { Total: total } = viewer.order;
  return (
    <div className={styles.group}>
      <Press icon="chevronLeft" text={t('previous')} keys="↑" run={() => viewer.step(-1)} />
      <NumberField
        aria-label={t('slice')}
        value={slice + 1}
        minValue={1}
        maxValue={total}
        onChange={(value) => viewer.goTo(value - 1)}
      >
        <Input className={styles.field} />
      </NumberField>
      <span className={styles.of}>/ {total}</span>
      <Press icon="chevronRight" text={t('next')} keys="↓" run={() => viewer.step(1)} />
      <input
        type="range"
        className={styles.slider}
        aria-label={t('slice')}
        min={1}
        max={total}
        value={slice + 1}
        onChange={(event) => viewer.goTo(event.target.valueAsNumber - 1)}
      />
      <progress
        className={styles.loaded}
        max={total}
        value={loaded}
        aria-label={t('loaded')}
        title={t('loadedOf', { loaded, total })}
      />
    </div>
  );
}

function WindowFields({ viewer, modality }: { viewer: Viewer; modality: string }) {
  const t = useTranslations('view');
  const head = useSeen(viewer, (seen) => seen.head);
  const display = useSeen(viewer, (seen) => seen.display);
  if (!head || !display || head.Pixels === 'RGB') return null;
  const { center, width } = display.window;
  const presets = presetsOf(head, modality);
  const put = (window: { center: number; width: number }) => viewer.show({ window });
  const step = width >= 20 ? 1 : width / 100;
  return (
    <div className={styles.group}>
      <Field
        label="W"
        title={t('width')}
        value={width}
        step={step}
        low={0.0001}
        put={(value) => put({ center, width: value })}
      />
      <Field
        label="L"
        title={t('center')}
        value={center}
        step={step}
        put={(value) => put({ center: value, width })}
      />
      <MenuTrigger>
        <Button className={styles.preset}>
          {t('presets')}
          <Icon name="chevronDown" size={14} />
        </Button>
        <Popover className={styles.popover} placement="bottom start">
          <Menu
            className={styles.menu}
            aria-label={t('presets')}
            onAction={(key) => {
              const found = presets.find(({ id }) => id === key);
              if (found) viewer.show(found.display);
            }}
          >
            {presets.map(({ id, text, message, display: to }, number) => (
              <MenuItem key={id} id={id} className={styles.item} textValue={text ?? id}>
                <span dir="auto">{text ?? (message ? t(`preset_${message}`) : id)}</span>
                <span className={styles.numbers}>
                  {to.voiLut === null &&
                    `${Math.round(to.window.width)} / ${Math.round(to.window.center)}`}
                </span>
                {number < 9 && <kbd>{number + 1}</kbd>}
              </MenuItem>
            ))}
          </Menu>
        </Popover>
      </MenuTrigger>
    </div>
  );
}

interface FieldProps {
  label: string;
  title: string;
  value: number;
  step: number;
  low?: number;
  put: (value: number) => void;
}

/** A number that is typed, or changed by arrows: the other way than dragging. */
function Field({ label, title, value, step, low, put }: FieldProps) {
  const id = useId();
  const digits = step >= 1 ? 0 : 4;
  return (
    <label className={styles.labelled} htmlFor={id} title={title}>
      {label}
      <input
        id={id}
        type="number"
        className={styles.field}
        aria-label={title}
        step={step >= 1 ? step : 'any'}
        min={low}
        value={Number(value.toFixed(digits))}
        onChange={(event) => {
          const read = event.target.valueAsNumber;
          if (Number.isFinite(read) && (low === undefined || read >= low)) put(read);
        }}
      />
    </label>
  );
}

function Tools({ viewer }: { viewer: Viewer }) {
  const t = useTranslations('view');
  const tool = useSeen(viewer, (seen) => seen.tool);
  const measured = useSeen(viewer, (seen) => seen.lines.length > 0);
  return (
    <div className={styles.group}>
      {TOOLS.map((one) => (
        <ToggleButton
          key={one.tool}
          className={styles.tool}
          aria-label={t(`tool_${one.tool}`)}
          isSelected={one.tool === tool}
          onChange={() => viewer.use(one.tool)}
        >
          <span title={`${t(`tool_${one.tool}`)} (${one.key})`}>
            <Icon name={ICONS[one.tool]} />
          </span>
        </ToggleButton>
      ))}
      <Press
        icon="trash"
        text={t('clearLengths')}
        disabled={!measured}
        run={() => viewer.clearLines()}
      />
    </div>
  );
}

function Turns({ viewer }: { viewer: Viewer }) {
  const t = useTranslations('view');
  const inverted = useSeen(viewer, (seen) => seen.display?.inverted ?? false);
  return (
    <div className={styles.group}>
      <Press icon="fit" text={t('fit')} run={() => viewer.fit()} />
      <button
        type="button"
        className={styles.tool}
        title={t('original')}
        aria-label={t('original')}
        onClick={() => viewer.original()}
      >
        1:1
      </button>
      <ToggleButton
        className={styles.tool}
        aria-label={t('invert')}
        isSelected={inverted}
        onChange={(chosen) => viewer.show({ inverted: chosen })}
      >
        <span title={`${t('invert')} (i)`}>
          <Icon name="contrast" />
        </span>
      </ToggleButton>
      <Press icon="flipX" text={t('flipX')} keys="h" run={() => viewer.flip('X')} />
      <Press icon="flipY" text={t('flipY')} keys="f" run={() => viewer.flip('Y')} />
      <Press icon="retry" text={t('reset')} keys="r" run={() => viewer.reset()} />
    </div>
  );
}

function Cine({ viewer }: { viewer: Viewer }) {
  const t = useTranslations('view');
  const playing = useSeen(viewer, (seen) => seen.playing);
  const rate = useSeen(viewer, (seen) => seen.rate);
  if (viewer.order.Total < 2) return null;
  return (
    <div className={styles.group}>
      <Press
        icon={playing ? 'pause' : 'play'}
        text={playing ? t('pause') : t('play')}
        keys="Space"
        run={() => viewer.play(!playing)}
      />
      <span className={styles.of}>{t('rate', { rate })}</span>
    </div>
  );
}

interface PressProps {
  icon: IconName;
  text: string;
  keys?: string;
  /** Keeps its place, so that nothing moves once it can be pressed. */
  disabled?: boolean;
  run: () => void;
}

function Press({ icon, text, keys, disabled, run }: PressProps) {
  return (
    <button
      type="button"
      className={styles.tool}
      title={keys ? `${text} (${keys})` : text}
      aria-label={text}
      aria-disabled={disabled}
      onClick={disabled ? undefined : run}
    >
      <Icon name={icon} />
    </button>
  );
}
