// SPDX-License-Identifier: Apache-2.0
/** Line icons of 24 units; decoration only, what they mean is said beside them. */
const PATHS = {
  archives: 'M3.500 5h17v4.500h-17zM5 9.500V19h14V9.500M9.500 13.500h5',
  arrowDown: 'M12 5v14M6 13l6 6 6-6',
  arrowUp: 'M12 19V5M6 11l6-6 6 6',
  check: 'M5 12.5l4.5 4.5L19 7.5',
  chevronDown: 'M6 9.5l6 6 6-6',
  chevronLeft: 'M14.5 6l-6 6 6 6',
  chevronRight: 'M9.5 6l6 6-6 6',
  clock: 'M12 7.5V12l3 2M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18',
  calendar: 'M4 6h16v14H4zM4 10.500h16M8.500 3.500V8M15.500 3.500V8M8 14.500h.01M12 14.500h.01',
  close: 'M6 6l12 12M18 6L6 18',
  columns: 'M4 5h16v14H4zM9.5 5v14M15 5v14',
  contrast: 'M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18M12 3v18M12 7h5M12 11h8.5M12 15h7.5',
  copy: 'M9 9h11v11H9zM5.5 15H4V4h11v1.5',
  download: 'M12 4v11M7 10.5l5 5 5-5M5 20h14',
  eye: 'M2.5 12S6 5.5 12 5.5 21.500 12 21.500 12 18 18.500 12 18.500 2.500 12 2.500 12M12 15a3 3 0 1 0 0-6 3 3 0 0 0 0 6',
  file: 'M6 3h8l4 4v14H6zM14 3v4h4',
  filter: 'M4 6h16M7 12h10M10.5 18h3',
  fit: 'M4 9V4h5M15 4h5v5M20 15v5h-5M9 20H4v-5',
  flipX: 'M12 3v18M9 7L3 17h6zM15 7l6 10h-6z',
  flipY: 'M3 12h18M7 9L17 3v6zM7 15l10 6v-6z',
  history: 'M4 12a8 8 0 1 0 2.500-5.800L4 8.500M4 4v4.500h4.500M12 8v4.500l3 1.800',
  image: 'M4 5h16v14H4zM4 16l5-5 4 4 2.500-2.500L20 17M15.500 9.500h.01',
  invert: 'M5 5h14v14H5zM5 19L19 5',
  jobs: 'M12 3.500v4M12 16.500v4M3.500 12h4M16.500 12h4M6 6l2.800 2.800M15.200 15.200L18 18M18 6l-2.800 2.800M8.800 15.200L6 18',
  keyboard: 'M3 6h18v12H3zM7 10h.01M11 10h.01M15 10h.01M7 14h10',
  label: 'M4 4h8l8 8-8 8-8-8zM8.5 8.5h.01',
  lock: 'M6 11h12v9H6zM8.5 11V8a3.5 3.5 0 0 1 7 0v3',
  logout: 'M14 4h5v16h-5M4 12h11M11 8l4 4-4 4',
  network: 'M4 4h7v6H4zM13 14h7v6h-7zM7.500 10v7H13',
  menu: 'M4 7h16M4 12h16M4 17h16',
  moon: 'M20 14.5A8.5 8.5 0 0 1 9.5 4 8.5 8.5 0 1 0 20 14.5z',
  more: 'M12 5.5h.01M12 12h.01M12 18.5h.01',
  pan: 'M12 3v18M3 12h18M9.500 5.500L12 3l2.500 2.500M9.500 18.500L12 21l2.500-2.500M5.500 9.500L3 12l2.500 2.500M18.500 9.500L21 12l-2.500 2.500',
  patients:
    'M12 11.500a3.700 3.700 0 1 0 0-7.400 3.700 3.700 0 0 0 0 7.400M4.500 20a7.500 7.500 0 0 1 15 0',
  pause: 'M8 5v14M16 5v14',
  play: 'M8 5l11 7-11 7z',
  retry: 'M4.5 12a7.5 7.5 0 1 0 2.2-5.3L4 9.3M4 4v5.3h5.3',
  route: 'M4 12h6l6-6h4M10 12l6 6h4M18 3.500L20.500 6 18 8.500M18 15.500l2.500 2.500-2.500 2.500',
  ruler: 'M3.500 15.500l12-12 5 5-12 12zM7 12l2 2M10 9l2 2M13 6l2 2',
  search: 'M10.5 17a6.5 6.5 0 1 0 0-13 6.5 6.5 0 0 0 0 13M15.5 15.5L21 21',
  send: 'M4 12l16-8-5 16-3.5-6.5z',
  settings: 'M4 7h9M17 7h3M4 17h3M11 17h9M13 4.5v5M11 14.5v5M7 14.5v5',
  store: 'M4 6.5a8 3 0 0 0 16 0a8 3 0 0 0-16 0v11a8 3 0 0 0 16 0v-11M4 12a8 3 0 0 0 16 0',
  studies: 'M4 6h16M4 12h16M4 18h16',
  sun: 'M12 16a4 4 0 1 0 0-8 4 4 0 0 0 0 8M12 2.5v2M12 19.5v2M2.5 12h2M19.5 12h2M5.3 5.3l1.4 1.4M17.3 17.3l1.4 1.4M18.7 5.3l-1.4 1.4M6.7 17.3l-1.4 1.4',
  trash: 'M5 7h14M9.5 7V4.5h5V7M7 7l1 13h8l1-13',
  unlock: 'M6 11h12v9H6zM8.500 11V8a3.500 3.500 0 0 1 6.800-1',
  upload: 'M12 20V9M7 13.5l5-5 5 5M5 4h14',
  window:
    'M12 16a4 4 0 1 0 0-8 4 4 0 0 0 0 8M12 3v2M12 19v2M3 12h2M19 12h2M5.600 5.600l1.400 1.400M17 17l1.400 1.400M18.400 5.600L17 7M7 17l-1.400 1.400',
  zoom: 'M10.500 17a6.500 6.500 0 1 0 0-13 6.500 6.500 0 0 0 0 13M15.500 15.500L21 21M10.500 7.500v6M7.500 10.500h6',
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name, size = 18 }: { name: IconName; size?: number }) {
  return (
    <svg
      width={size}
      height={size}
      viewBox="0 0 24 24"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.6"
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
      focusable="false"
    >
      <path d={PATHS[name]} />
    </svg>
  );
}
