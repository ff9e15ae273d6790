/** One server-sent event. `data` is the text as it came; several data lines are joined by line breaks. */
export interface SseEvent {
  readonly id: string | null;
  readonly name: string;
  readonly data: string;
}

/** Splits a text stream into server-sent events (WHATWG HTML, section 9.2). Comments are left out. */
export class SseParser {
  #rest = '';

  push(text: string): SseEvent[] {
    const frames = (this.#rest + text).split(/\r\n\r\n|\n\n/);
    this.#rest = frames.pop() ?? '';
    return frames.flatMap((frame) => {
      const event = parseFrame(frame);
      return event === null ? [] : [event];
    });
  }
}

function parseFrame(frame: string): SseEvent | null {
  let id: string | null = null;
  let name = 'message';
  const data: string[] = [];
  for (const line of frame.split(/\r\n|\n/)) {
    const colon = line.indexOf(':');
    if (colon <= 0) continue;
    const field = line.slice(0, colon);
    const value = line.slice(colon + 1).replace(/^ /, '');
    if (field === 'id') id = value;
    else if (field === 'event') name = value;
    else if (field === 'data') data.push(value);
  }
  return data.length === 0 ? null : { id, name, data: data.join('\n') };
}
