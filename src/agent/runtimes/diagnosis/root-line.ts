/**
 * The line of a log that tells why: engines end with one that says nothing ("See root cause above"), after the traces
 * of every layer. Pure.
 */

/** Lines that look like errors and only say that there was one. */
const SAYS_NOTHING =
  /See (?:root cause|stack trace)|Engine core initialization failed|EngineCore failed to start|EngineDeadError|Traceback \(most recent call last\)|exiting due to|cleaning up before exit|leaked \w+ objects|failed to load model$|common_fit_params: encountered an error|^\S+ [IWD] /;

/** From the surest to the vaguest; the first line of the first that finds one. */
const SIGNS: readonly RegExp[] = [
  // vLLM says which process met it; its first exception is the root, those after it are consequences.
  /^\((?:EngineCore|Worker|VllmWorker)[^)]*\) ERROR .*\b[A-Z]\w*(?:Error|Exception)\b: ?\S/,
  /(?:^|\s)(?:[a-z_][\w.]*\.)?[A-Z]\w*(?:Error|Exception)\b: ?\S/,
  // llama.cpp: seconds.millis.micros, then the level.
  /^\d+\.\d+\.\d+\.\d+ E \S/,
  /^(?:error|fatal|panic)\b[: ]/i,
  /\b(?:error|fatal|panic|failed|exception|cannot|could not|couldn't)\b/i,
];

export function rootLine<Line extends { readonly text: string }>(lines: readonly Line[]): Line | null {
  const candidates = lines.filter(({ text }) => !SAYS_NOTHING.test(text));
  for (const sign of SIGNS) {
    const found = candidates.find(({ text }) => sign.test(text));
    if (found !== undefined) return found;
  }
  return null;
}
