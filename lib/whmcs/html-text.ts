/** Text out of WHMCS's HTML. */

const named: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'", nbsp: ' ' };

/** Decodes one level of entities: WHMCS stores what clients type encoded once, and `&amp;amp;` means `&amp;`. */
export function decodeEntities(text: string): string {
  return text.replace(/&(?:#(\d{1,7})|#x([0-9a-f]{1,6})|([a-z]+));/gi, (whole, decimal, hex, name) => {
    if (name !== undefined) return named[String(name).toLowerCase()] ?? whole;
    const code = decimal === undefined ? parseInt(String(hex), 16) : Number(decimal);
    return code <= 0x10ffff ? String.fromCodePoint(code) : whole;
  });
}

/** What a web page says, in one short line. */
export function pageText(html: string, limit = 120): string {
  const title = /<title[^>]*>([\s\S]*?)<\/title>/i.exec(html)?.[1];
  const source = title?.trim() ? title : html.replace(/<(script|style|head)\b[\s\S]*?<\/\1>/gi, ' ');
  return oneLine(decodeEntities(source.slice(0, 20_000).replace(/<[^>]*>/g, ' ')), limit);
}

/** A text in one line of at most `limit` characters. */
export function oneLine(text: string, limit = 300): string {
  const line = text.replace(/\s+/g, ' ').trim();
  return line.length > limit ? `${line.slice(0, limit - 1)}…` : line;
}
