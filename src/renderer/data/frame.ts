const NO_FRAME_MS = 250;

/**
 * Runs once before the next paint. A page that is hidden, covered or in the background has no frames, but what it
 * shows still has to be right when somebody looks, and its queues must not grow: then it runs a little later.
 */
export function beforeNextPaint(run: () => void): void {
  let done = false;
  const once = (): void => {
    if (done) return;
    done = true;
    clearTimeout(timer);
    cancelAnimationFrame(frame);
    run();
  };
  const timer = setTimeout(once, NO_FRAME_MS);
  const frame = requestAnimationFrame(once);
}
