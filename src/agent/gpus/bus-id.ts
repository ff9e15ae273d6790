/** `00000000:41:00.0` and `0000:41:00.0` are the same place. */
export function isOn(busId: string | null, other: string | null | undefined): boolean {
  if (busId === null || other === null || other === undefined) return false;
  const place = (id: string): string => {
    const parts = id.toLowerCase().replace(/\.\d$/, '').split(':');
    return [(parts.at(-3) ?? '0').replace(/^0+(?=.)/, ''), parts.at(-2), parts.at(-1)].join(':');
  };
  return place(busId) === place(other);
}
