import { buildRenderer } from './build-renderer.ts';

/** Before the first test file, because two of them run at a time and share what is built. */
export default async function setup(): Promise<void> {
  await buildRenderer();
}
