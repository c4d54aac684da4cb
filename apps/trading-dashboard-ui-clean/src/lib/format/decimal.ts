/** Exact decimal strings: what the client needs beyond printing, without binary floats. */
export interface Parts {
  negative: boolean;
  digits: bigint;
  scale: number;
}

const PLAIN = /^(-)?(\d+)(?:\.(\d+))?$/;

export function parse(text: string): Parts | null {
  const match = PLAIN.exec(text);
  if (!match) return null;
  const fraction = match[3] ?? "";
  const digits = BigInt(`${match[2] ?? "0"}${fraction}`);
  return { negative: match[1] === "-" && digits !== 0n, digits, scale: fraction.length };
}

const signed = (parts: Parts): bigint => (parts.negative ? -parts.digits : parts.digits);

const make = (value: bigint, scale: number): Parts => ({
  negative: value < 0n,
  digits: value < 0n ? -value : value,
  scale,
});

export function print(parts: Parts): string {
  const text = parts.digits.toString().padStart(parts.scale + 1, "0");
  const cut = text.length - parts.scale;
  const body = parts.scale === 0 ? text : `${text.slice(0, cut)}.${text.slice(cut)}`;
  return parts.negative ? `-${body}` : body;
}

/** Half-even, the rounding of the ledger. */
export function rescale(parts: Parts, scale: number): Parts {
  if (scale >= parts.scale) {
    return { ...parts, digits: parts.digits * 10n ** BigInt(scale - parts.scale), scale };
  }
  const unit = 10n ** BigInt(parts.scale - scale);
  const quotient = parts.digits / unit;
  const twice = (parts.digits % unit) * 2n;
  const up = twice > unit || (twice === unit && quotient % 2n === 1n);
  const digits = up ? quotient + 1n : quotient;
  return { negative: parts.negative && digits !== 0n, digits, scale };
}

export function add(left: string, right: string): string | null {
  const a = parse(left);
  const b = parse(right);
  if (!a || !b) return null;
  const scale = Math.max(a.scale, b.scale);
  return print(make(signed(rescale(a, scale)) + signed(rescale(b, scale)), scale));
}

export function multiply(left: string, right: string): string | null {
  const a = parse(left);
  const b = parse(right);
  if (!a || !b) return null;
  return print(make(signed(a) * signed(b), a.scale + b.scale));
}

export function absolute(text: string): string {
  return text.startsWith("-") ? text.slice(1) : text;
}

/** -1, 0 or 1; null when the text is not a plain decimal. */
export function sign(text: string): -1 | 0 | 1 | null {
  const parts = parse(text);
  if (!parts) return null;
  if (parts.digits === 0n) return 0;
  return parts.negative ? -1 : 1;
}
