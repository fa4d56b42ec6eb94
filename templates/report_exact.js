// Exact numbers, as x3dspec/language/numbers.py has them: a BigInt where whole, else a Rational, else a
// Root, the irrational number radicand^(1/degree) with the least degree that does. One number has one
// form; a floor is an integer root, and the order of two numbers that of their powers.

class ExactError extends Error {}

class Rational {
  constructor(n, d) {
    this.n = n;
    this.d = d;
  }
}

class Root {
  constructor(radicand, degree) {
    this.radicand = radicand;
    this.degree = degree;
  }
}

const MAX_BITS = 4096;
const MAX_EXPONENT = 4096n;
const MAX_DEGREE = 100n;
const READABLE_BITS = 128;
const PRIMES = [];
for (let n = 2n; n < 1000n; n++) if (PRIMES.every((p) => n % p)) PRIMES.push(n);

const whole = (x) => typeof x === "bigint";
const numerator = (x) => (whole(x) ? x : x.n);
const denominator = (x) => (whole(x) ? 1n : x.d);
const bits = (n) => (n === 0n ? 0 : (n < 0n ? -n : n).toString(2).length);
const size = (x) => Math.max(bits(numerator(x)), bits(denominator(x)));

function gcd(a, b) {
  a = a < 0n ? -a : a;
  while (b) [a, b] = [b, a % b];
  return a;
}

function q(n, d) {
  if (d < 0n) [n, d] = [-n, -d];
  const g = gcd(n, d);
  if (g !== 1n) [n, d] = [n / g, d / g];
  return d === 1n ? n : new Rational(n, d);
}

function bounded(x) {
  if (size(x) > MAX_BITS) throw new ExactError(`a number of more than ${MAX_BITS} bits`);
  return x;
}

function add(a, b) {
  if (whole(a) && whole(b)) return a + b;
  if (a === 0n) return b;
  if (b === 0n) return a;
  if (a instanceof Root || b instanceof Root) {
    throw new ExactError("a root in a sum: round it first, as in floor(8 * sqrt(2)) + 1");
  }
  return q(numerator(a) * denominator(b) + numerator(b) * denominator(a), denominator(a) * denominator(b));
}

const negate = (a) => mul(-1n, a);
const sub = (a, b) => add(a, negate(b));

function mul(a, b) {
  if (whole(a) && whole(b)) return a * b;
  if (!(a instanceof Root || b instanceof Root)) {
    return q(numerator(a) * numerator(b), denominator(a) * denominator(b));
  }
  if (a === 0n || b === 0n) return 0n;
  if (sign(a) * sign(b) < 0) throw new ExactError("a root with a minus: it can be multiplied and rounded, but not subtracted");
  const [x, y, degree] = raised(a, b);
  return root(mul(x, y), degree);
}

function div(a, b) {
  if (b === 0n) throw new ExactError("division by zero");
  if (a instanceof Root || b instanceof Root) return mul(a, pow(b, -1n));
  return q(numerator(a) * denominator(b), denominator(a) * numerator(b));
}

function wholePower(base, exponent) {
  const times = exponent < 0n ? -exponent : exponent;
  if ((size(base) - 1) * Number(times) >= MAX_BITS) {
    throw new ExactError(`a number of more than ${MAX_BITS} bits`);
  }
  const [n, d] = [numerator(base) ** times, denominator(base) ** times];
  return exponent < 0n ? q(d, n) : q(n, d);
}

function pow(base, exponent) {
  if (exponent instanceof Root) throw new ExactError("irrational exponent");
  const [above, below] = [numerator(exponent), denominator(exponent)];
  if (above > MAX_EXPONENT * below || -above > MAX_EXPONENT * below) {
    throw new ExactError(`an exponent beyond ${MAX_EXPONENT}`);
  }
  if (below > MAX_DEGREE) throw new ExactError(`a root of degree more than ${MAX_DEGREE}`);
  const [radicand, degree] = base instanceof Root ? [base.radicand, base.degree] : [base, 1n];
  if (radicand === 0n && above < 0n) throw new ExactError("division by zero");
  if (sign(radicand) < 0 && below > 1n) throw new ExactError("a root of a negative number");
  return root(wholePower(radicand, above), degree * below);
}

// Two numbers to the power of the least degree that makes both rational, and that degree.
function raised(a, b) {
  const [k, l] = [a, b].map((x) => (x instanceof Root ? x.degree : 1n));
  const degree = (k / gcd(k, l)) * l;
  return [...[a, b].map((x) => (x instanceof Root ? wholePower(x.radicand, degree / x.degree) : wholePower(x, degree))), degree];
}

function root(radicand, degree) {
  for (const p of PRIMES) {
    if (p > degree) break;
    for (let base; degree % p === 0n && (base = wholeRoot(radicand, p)) !== null; degree /= p) radicand = base;
  }
  bounded(radicand);
  if (degree > MAX_DEGREE) throw new ExactError(`a root of degree more than ${MAX_DEGREE}`);
  return degree === 1n ? radicand : new Root(radicand, degree);
}

// The root of a rational number where it is rational itself.
function wholeRoot(x, degree) {
  const [n, d] = [numerator(x), denominator(x)].map((each) => integerRoot(each, degree));
  return n ** degree === numerator(x) && d ** degree === denominator(x) ? q(n, d) : null;
}

// Newton from above, which only ever falls.
function integerRoot(n, k) {
  if (n < 2n) return n;
  for (let guess = 2n << (BigInt(bits(n)) / k); ; ) {
    const better = ((k - 1n) * guess + n / guess ** (k - 1n)) / k;
    if (better >= guess) return guess;
    guess = better;
  }
}

function floor(x) {
  if (whole(x)) return x;
  if (x instanceof Root) return integerRoot(floor(x.radicand), x.degree);
  return x.n >= 0n ? x.n / x.d : -((-x.n + x.d - 1n) / x.d);
}

const ceil = (x) => (whole(x) ? x : floor(x) + 1n);

function sign(x) {
  if (x instanceof Root) return 1;
  return numerator(x) > 0n ? 1 : numerator(x) < 0n ? -1 : 0;
}

function compare(a, b) {
  if (a instanceof Root || b instanceof Root) {
    if (sign(a) !== sign(b)) return sign(a) - sign(b);
    [a, b] = raised(a, b);
  }
  const [x, y] = [numerator(a) * denominator(b), numerator(b) * denominator(a)];
  return x < y ? -1 : x > y ? 1 : 0;
}

const min = (a, b) => (compare(a, b) <= 0 ? a : b);
const max = (a, b) => (compare(a, b) >= 0 ? a : b);
const equal = (a, b) => (compare(a, b) === 0 ? 1n : 0n);
const HALF = q(1n, 2n);
// The nearest integer, ties up: floor(x + 1/2) without the sum.
const nearestInteger = (x) => (floor(mul(2n, x)) + 1n) >> 1n;
const roundTo = (a, step) => mul(nearestInteger(div(a, step)), step);

function roundWidth(a, divisor) {
  const width = max(divisor, roundTo(a, divisor));
  return compare(mul(width, 10n), mul(a, 9n)) < 0 ? add(width, divisor) : width;
}

const residues = (count, residue, period) => ceil(div(sub(count, residue), period));

function toFloat(x) {
  if (whole(x)) return Number(x);
  if (x instanceof Root) return toFloat(x.radicand) ** (1 / Number(x.degree));
  const shift = BigInt(Math.max(0, size(x) - 1000));
  return Number(x.n >> shift) / Number(x.d >> shift);
}

// The one spelling of a number, which reads back as the same value: 2.25, 3/2*sqrt(2).
function text(x) {
  return x instanceof Root ? rootText(x.radicand, x.degree) : rationalText(x);
}

function rationalText(x) {
  if (whole(x)) return x.toString();
  for (let decimals = 1; decimals < 5; decimals++) {
    const scale = 10n ** BigInt(decimals);
    if (scale % x.d === 0n) {
      const digits = (((x.n < 0n ? -x.n : x.n) * scale) / x.d).toString().padStart(decimals + 1, "0");
      return `${x.n < 0n ? "-" : ""}${digits.slice(0, -decimals)}.${digits.slice(-decimals)}`;
    }
  }
  return fraction(x);
}

const fraction = (x) => (whole(x) ? `${x}` : `${x.n}/${x.d}`);

function rootText(radicand, degree) {
  const [above, below] = [numerator(radicand), denominator(radicand)];
  if (bits(above) + bits(below) * (Number(degree) - 1) > READABLE_BITS) return powerText(radicand, degree);
  let [factor, under] = [1n, above * below ** (degree - 1n)];
  for (const p of PRIMES) for (; under % p ** degree === 0n; factor *= p) under /= p ** degree;
  const spelled = degree === 2n ? `sqrt(${under})` : `${under}**(1/${degree})`;
  return factor === below ? spelled : `${fraction(q(factor, below))}*${spelled}`;
}

// A root of long numbers, as the power of the least base: (6/5)**(13/10).
function powerText(base, degree) {
  let exponent = 1n;
  for (const p of PRIMES) for (let less; (less = wholeRoot(base, p)) !== null; exponent *= p) base = less;
  return `${whole(base) ? base : `(${fraction(base)})`}**(${fraction(q(exponent, degree))})`;
}

// The numbers that a spec may say: 2, 1.45, 11/5, sqrt(2), 3/2*2**(1/3).
function parse(source) {
  const tokens = source.match(/\s*(\d+\.?\d*(?:[eE][-+]?\d+)?|\.\d+(?:[eE][-+]?\d+)?|\w+|\*\*|[-+*/()]|\S)/g) ?? [];
  if (source.length > 200 || !tokens.length) throw new ExactError("type a number such as 2, 1.45, 11/5 or sqrt(2)");
  let at = 0;
  const peek = () => tokens[at]?.trim();
  const next = () => tokens[at++]?.trim();
  const expect = (token) => {
    if (next() !== token) throw new ExactError(`expected ${token}`);
  };
  const sum = () => {
    let value = product();
    while (peek() === "+" || peek() === "-") value = next() === "+" ? add(value, product()) : sub(value, product());
    return value;
  };
  const product = () => {
    let value = signed();
    while (peek() === "*" || peek() === "/") value = next() === "*" ? mul(value, signed()) : div(value, signed());
    return value;
  };
  const signed = () => {
    if (peek() !== "-") return powered();
    next();
    return negate(signed());
  };
  const powered = () => {
    const base = atom();
    if (peek() !== "**") return base;
    next();
    return pow(base, signed());
  };
  const atom = () => {
    const token = next();
    if (token === "sqrt" && peek() === "(") return pow(atom(), HALF);
    if (token === "(") {
      const value = sum();
      expect(")");
      return value;
    }
    if (token === undefined || !/^[.\d]/.test(token)) throw new ExactError(`${token ?? "the end"} is no number`);
    return decimal(token);
  };
  const value = sum();
  if (at < tokens.length) throw new ExactError(`${peek()} is no number`);
  return value;
}

function decimal(token) {
  const [digits, exponent = "0"] = token.toLowerCase().split("e");
  const [before, after = ""] = digits.split(".");
  if (before.length + after.length > 40 || Math.abs(Number(exponent)) > 30) throw new ExactError("too many digits");
  const power = BigInt(exponent) - BigInt(after.length);
  return mul(BigInt(before + after), wholePower(10n, power));
}
