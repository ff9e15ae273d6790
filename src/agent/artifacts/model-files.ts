import type { ContentFile } from '../../shared/contract/index.ts';
import { FileSource } from './byte-source.ts';

/** The files of one model, for those who look into them. */
export class ModelFiles {
  readonly list: readonly ContentFile[];
  readonly #pathOf: (file: ContentFile) => string;

  /** @param pathOf where the bytes of a file lie on disk */
  constructor(list: readonly ContentFile[], pathOf: (file: ContentFile) => string) {
    this.list = list;
    this.#pathOf = pathOf;
  }

  find(path: string): ContentFile | undefined {
    return this.list.find((file) => file.path === path);
  }

  /** @throws {NodeJS.ErrnoException} when the file is not there. */
  open(file: ContentFile): Promise<FileSource> {
    return FileSource.open(this.#pathOf(file));
  }

  /** The first `limit` bytes of a file. */
  async head(file: ContentFile, limit: number, signal: AbortSignal): Promise<Buffer> {
    await using source = await this.open(file);
    // Awaited here, before the file is closed.
    return await source.read(0, limit, signal);
  }

  /** A text file as it is up to `limit` bytes; null when there is none of that name, or when it is longer. */
  async text(path: string, limit: number, signal: AbortSignal): Promise<string | null> {
    const file = this.find(path);
    if (file === undefined || file.size > limit) return null;
    return (await this.head(file, limit, signal)).toString('utf8');
  }

  /** A JSON object; null when it is not there, too long, or no JSON object. */
  async json(path: string, limit: number, signal: AbortSignal): Promise<Record<string, unknown> | null> {
    const text = await this.text(path, limit, signal);
    if (text === null) return null;
    try {
      const value = JSON.parse(text) as unknown;
      return typeof value === 'object' && value !== null && !Array.isArray(value)
        ? (value as Record<string, unknown>)
        : null;
    } catch {
      // Damaged JSON is the business of who needs the file; here it is simply not readable.
      return null;
    }
  }
}
