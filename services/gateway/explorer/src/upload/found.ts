// SPDX-License-Identifier: Apache-2.0
/** Files that were chosen or dropped, those in folders too, a part at a time. */
import type { Found } from './transfers';

const AT_A_TIME = 200;
const pathOf = ({ fullPath }: FileSystemEntry) => fullPath.replace(/^\//, '');

/** Gives on what was chosen until it is stopped: to ask 100,000 files for their sizes takes a while,
 * in which the first ones are on their way and the page goes on. */
export async function chosen(
  files: FileList | null,
  give: (found: Found[]) => void,
  stop?: AbortSignal,
): Promise<void> {
  const all = [...(files ?? [])];
  for (let at = 0; at < all.length && !stop?.aborted; at += AT_A_TIME) {
    const some = all.slice(at, at + AT_A_TIME);
    give(some.map((file) => ({ file, path: file.webkitRelativePath || file.name })));
    await new Promise((resolve) => setTimeout(resolve));
  }
}

/** Walks what was dropped until it is stopped, and gives it on as it is found: a folder may have
 * 100,000 files. */
export async function walk(
  transfer: DataTransfer,
  give: (found: Found[]) => void,
  stop?: AbortSignal,
): Promise<void> {
  // To be asked for at once: they are gone when the event is over.
  const entries = [...transfer.items]
    .map((item) => item.webkitGetAsEntry())
    .filter((entry): entry is FileSystemEntry => entry !== null);
  let gathered: Found[] = [];
  const gather = (found: Found) => {
    if (stop?.aborted) return;
    gathered.push(found);
    if (gathered.length >= AT_A_TIME) {
      give(gathered);
      gathered = [];
    }
  };
  /** What cannot be read is told of, and keeps nothing else from being found. */
  const visit = async (entry: FileSystemEntry): Promise<void> => {
    if (stop?.aborted) return;
    try {
      await open(entry);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      gather({ file: new File([], entry.name), path: pathOf(entry), unreadable: why });
    }
  };
  const open = async (entry: FileSystemEntry): Promise<void> => {
    if (entry.isFile) {
      const file = await new Promise<File>((resolve, reject) =>
        (entry as FileSystemFileEntry).file(resolve, reject),
      );
      gather({ file, path: pathOf(entry) });
      return;
    }
    const reader = (entry as FileSystemDirectoryEntry).createReader();
    for (;;) {
      // Chromium gives at most 100 at each call.
      const some = await new Promise<FileSystemEntry[]>((resolve, reject) =>
        reader.readEntries(resolve, reject),
      );
      if (!some.length || stop?.aborted) return;
      for (const one of some) await visit(one);
    }
  };
  for (const entry of entries) await visit(entry);
  if (!stop?.aborted) give(gathered);
}
