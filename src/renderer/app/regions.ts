/** The parts of the window in their order, for `F6`. */
const REGIONS = ['nav', 'main > header', 'main', 'main aside', 'body footer'] as const;

/**
 * Moves the focus to the next region: sidebar, header, content, facts, status bar; or back. Regions that are not there
 * or not shown are left out.
 */
export function focusNextRegion(back: boolean): void {
  const regions = REGIONS.flatMap((selector) => {
    const region = document.querySelector<HTMLElement>(selector);
    return region !== null && isShown(region) ? [region] : [];
  });
  // The innermost one that has the focus: the header is inside of the page.
  const here = regions.findLastIndex((region) => region.contains(document.activeElement));
  const inHeader = regions.findIndex(
    (region) => region.tagName === 'HEADER' && region.contains(document.activeElement),
  );
  const now = inHeader >= 0 ? inHeader : here;
  for (let step = 1; step <= regions.length; step += 1) {
    const next = regions.at((now + (back ? -step : step) + 2 * regions.length) % regions.length);
    if (next !== undefined && focusIn(next)) return;
  }
}

const FOCUSABLE =
  'a[href], button:not([disabled]), input:not([disabled]), select, textarea, [tabindex]:not([tabindex="-1"])';

/** The first thing in it that takes the focus; of the page, what comes after its header. @returns whether one did */
function focusIn(region: HTMLElement): boolean {
  const header = region.tagName === 'MAIN' ? region.querySelector('header') : null;
  const target = [...region.querySelectorAll<HTMLElement>(FOCUSABLE)].find(
    (one) =>
      header?.contains(one) !== true && isShown(one) && one.closest('aside') === region.closest('aside'),
  );
  const chosen = target ?? (region.hasAttribute('tabindex') ? region : null);
  if (chosen === null) return false;
  chosen.focus();
  return true;
}

function isShown(element: HTMLElement): boolean {
  return element.getClientRects().length > 0;
}
