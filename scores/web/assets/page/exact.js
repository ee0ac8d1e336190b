// The mean of doubles, rounded once: the sum as a fraction of whole numbers, which nothing can round.
// The rule: it checks what the server says; it never is what the page shows.

const UNIT = 1074n;
const VIEW = new DataView(new ArrayBuffer(8));

/** A double from 0 on in units of 2^-1074, of which every double is a whole number (IEEE 754). */
function units(value) {
  VIEW.setFloat64(0, value);
  const bits = VIEW.getBigUint64(0);
  const [exponent, fraction] = [bits >> 52n, bits & ((1n << 52n) - 1n)];
  return exponent === 0n ? fraction : (fraction | (1n << 52n)) << (exponent - 1n);
}

function length(number) {
  return BigInt(number.toString(2).length);
}

/** The double nearest to the mean of doubles from 0 to 1. */
export function exactMean(scores) {
  const sum = scores.reduce((total, score) => total + units(score), 0n);
  if (sum === 0n) return 0;
  const divisor = BigInt(scores.length) << UNIT;
  // 64 bits of the quotient, the last of which says whether anything was left: then Number() rounds right.
  const shift = 64n - length(sum) + length(divisor);
  const dividend = shift >= 0n ? sum << shift : sum >> -shift;
  const quotient = dividend / divisor;
  return scaled(Number(dividend % divisor ? quotient | 1n : quotient), Number(shift));
}

/** The number by 2^-shift, which no step may lose anything of unless the result itself is so small. */
function scaled(number, shift) {
  const half = Math.trunc(shift / 2);
  return number * 2 ** -half * 2 ** -(shift - half);
}
