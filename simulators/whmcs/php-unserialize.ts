/**
 * PHP's unserialize and base64_decode, as strict as they are: lengths count bytes, every `;` must be there. Objects are
 * not read. What follows a complete value is ignored, as in PHP.
 */

export type PhpData = null | boolean | number | string | Map<string | number, PhpData>;

/** The value, or undefined where PHP answers false with a notice. */
export function unserialize(bytes: Buffer): PhpData | undefined {
  try {
    return new Reader(bytes).value();
  } catch (error) {
    if (error instanceof Malformed) return undefined;
    throw error;
  }
}

/** base64_decode without strict: characters outside the alphabet are skipped, spaces where a `+` was included. */
export function base64Decode(text: string): Buffer {
  return Buffer.from(text.replace(/[^A-Za-z0-9+/]/g, ''), 'base64');
}

class Malformed extends Error {}

class Reader {
  private at = 0;

  constructor(private readonly bytes: Buffer) {}

  value(): PhpData {
    const type = this.take(1);
    if (type === 'N') {
      this.expect(';');
      return null;
    }
    this.expect(':');
    switch (type) {
      case 'b':
        return this.until(';', /^[01]$/) === '1';
      case 'i':
        return Number(this.until(';', /^[+-]?\d+$/));
      case 'd':
        return Number(this.until(';', /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i));
      case 's': {
        const text = this.string();
        this.expect(';');
        return text;
      }
      case 'a':
        return this.array();
      default:
        throw new Malformed();
    }
  }

  private string(): string {
    const length = Number(this.until(':', /^\d+$/));
    this.expect('"');
    if (this.at + length > this.bytes.length) throw new Malformed();
    const text = this.bytes.toString('utf8', this.at, this.at + length);
    this.at += length;
    this.expect('"');
    return text;
  }

  private array(): Map<string | number, PhpData> {
    const length = Number(this.until(':', /^\d+$/));
    this.expect('{');
    const array = new Map<string | number, PhpData>();
    for (let index = 0; index < length; index++) {
      const key = this.value();
      if (typeof key !== 'string' && typeof key !== 'number') throw new Malformed();
      const integer = typeof key === 'string' && /^(0|-?[1-9]\d{0,14})$/.test(key);
      array.set(integer ? Number(key) : key, this.value());
    }
    this.expect('}');
    return array;
  }

  private take(count: number): string {
    const text = this.bytes.toString('latin1', this.at, this.at + count);
    this.at += count;
    return text;
  }

  private expect(text: string): void {
    if (this.take(text.length) !== text) throw new Malformed();
  }

  private until(end: string, shape: RegExp): string {
    const found = this.bytes.indexOf(end, this.at, 'latin1');
    if (found < 0) throw new Malformed();
    const text = this.take(found - this.at);
    this.at += end.length;
    if (!shape.test(text)) throw new Malformed();
    return text;
  }
}
