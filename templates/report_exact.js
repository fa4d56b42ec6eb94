// Exact numbers, as x3dspec/exact.py has them: a BigInt where whole, else a Rational, else a Surd,
// which is a sum of rational multiples of canonical radicals p^a * q^b * ... with 0 < a < 1. One
// number has one form; rounding and order of roots are decided by ever closer enclosures.

class ExactError extends Error {}

class Rational {
  constructor(n, d) {
    this.n = n;
    this.d = d;
  }
}

// A term is {key, radical: [[prime, exponent], ...], factor}; key tells radicals apart.
class Surd {
  constructor(terms) {
    this.terms = terms;
  }
}

const MAX_BITS = 4096;
const MAX_TERMS = 64;
const MAX_EXPONENT = 4096n;
const MAX_ROOT = 100n;
const MAX_PRIME = 10n ** 12n;
const MAX_WORK = 2 ** 31;

const whole = (x) => typeof x === "bigint";
const numerator = (x) => (whole(x) ? x : x.n);
const denominator = (x) => (whole(x) ? 1n : x.d);
const bits = (n) => (n < 0n ? -n : n).toString(2).length;

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

function terms(x) {
  if (x instanceof Surd) return x.terms;
  return x === 0n ? [] : [{ key: "", radical: [], factor: x }];
}

function collect(list) {
  const total = new Map();
  for (const { key, radical, factor } of list) {
    const before = total.get(key);
    total.set(key, { key, radical, factor: before ? add(before.factor, factor) : factor });
  }
  const kept = [...total.values()].filter((term) => term.factor !== 0n);
  if (kept.length > MAX_TERMS) throw new ExactError(`a sum of more than ${MAX_TERMS} roots`);
  if (kept.every((term) => term.key === "")) return kept.length ? kept[0].factor : 0n;
  return new Surd(kept.sort((a, b) => (a.key < b.key ? -1 : 1)));
}

function monomial(primes, factor) {
  const exponents = new Map();
  for (const [p, a] of primes) exponents.set(p, add(exponents.get(p) ?? 0n, a));
  const radical = [];
  for (const [p, a] of [...exponents].sort(([p], [r]) => (p < r ? -1 : 1))) {
    const down = floor(a);
    factor = mul(factor, wholePower(p, down));
    const rest = sub(a, down);
    if (rest !== 0n) radical.push([p, rest]);
  }
  const key = radical.map(([p, a]) => `${p}^${a.n}/${a.d}`).join("*");
  return { key, radical, factor };
}

function add(a, b) {
  if (whole(a) && whole(b)) return a + b;
  if (a instanceof Surd || b instanceof Surd) return collect([...terms(a), ...terms(b)]);
  return q(numerator(a) * denominator(b) + numerator(b) * denominator(a), denominator(a) * denominator(b));
}

const negate = (a) => mul(-1n, a);
const sub = (a, b) => add(a, negate(b));

function mul(a, b) {
  if (whole(a) && whole(b)) return a * b;
  if (a instanceof Surd || b instanceof Surd) {
    const pairs = terms(a).flatMap((s) =>
      terms(b).map((t) => monomial([...s.radical, ...t.radical], mul(s.factor, t.factor))),
    );
    return collect(pairs);
  }
  return q(numerator(a) * numerator(b), denominator(a) * denominator(b));
}

function div(a, b) {
  if (b === 0n) throw new ExactError("division by zero");
  if (a instanceof Surd || b instanceof Surd) return mul(a, pow(b, -1n));
  return q(numerator(a) * denominator(b), denominator(a) * numerator(b));
}

function wholePower(base, exponent) {
  const size = Math.max(bits(numerator(base)), bits(denominator(base)));
  const times = exponent < 0n ? -exponent : exponent;
  if ((size - 1) * Number(times) >= MAX_BITS) throw new ExactError(`a number of more than ${MAX_BITS} bits`);
  const [n, d] = [numerator(base) ** times, denominator(base) ** times];
  return exponent < 0n ? q(d, n) : q(n, d);
}

function pow(base, exponent) {
  if (exponent instanceof Surd) throw new ExactError("irrational exponent");
  const [above, below] = [numerator(exponent), denominator(exponent)];
  if (above > MAX_EXPONENT * below || -above > MAX_EXPONENT * below) {
    throw new ExactError(`an exponent beyond ${MAX_EXPONENT}`);
  }
  if (below > MAX_ROOT) throw new ExactError(`a root of degree more than ${MAX_ROOT}`);
  const list = terms(base);
  if (!list.length && above < 0n) throw new ExactError("division by zero");
  if (!list.length) return above === 0n ? 1n : 0n;
  if (list.length > 1) return sumPower(base, above, below);
  const [{ radical, factor }] = list;
  const primes = radical.map(([p, a]) => [p, mul(a, exponent)]);
  if (below === 1n) return collect([monomial(primes, wholePower(factor, above))]);
  if (numerator(factor) < 0n) throw new ExactError("a root of a negative number");
  for (const [p, k] of primesOf(numerator(factor))) primes.push([p, mul(k, exponent)]);
  for (const [p, k] of primesOf(denominator(factor))) primes.push([p, mul(-k, exponent)]);
  return collect([monomial(primes, 1n)]);
}

function sumPower(base, above, below) {
  if (below !== 1n) throw new ExactError("a root of a sum of roots");
  if (above < 0n) throw new ExactError("division by a sum of roots");
  let result = 1n;
  for (const bit of above.toString(2)) {
    result = mul(result, result);
    if (bit === "1") result = mul(result, base);
  }
  return result;
}

const factored = new Map();

function primesOf(n) {
  if (!factored.has(n)) factored.set(n, trialDivision(n));
  return factored.get(n);
}

function trialDivision(n) {
  const found = new Map();
  for (let p = 2n; p * p <= n; p += p === 2n ? 1n : 2n) {
    if (p * p > MAX_PRIME) throw new ExactError("too large to factor under a root");
    for (; n % p === 0n; n /= p) found.set(p, (found.get(p) ?? 0n) + 1n);
  }
  if (n > 1n) found.set(n, 1n);
  return [...found];
}

// `read` is monotonic with separate values: once both ends of an enclosure agree, all between do.
function decide(x, read) {
  const degrees = x.terms.reduce((sum, t) => sum + t.radical.reduce((s, [, a]) => s + Number(a.d), 0), 0);
  for (let size = 64; degrees * size * size <= MAX_WORK; size *= 2) {
    let [low, high] = [0n, 0n];
    for (const term of x.terms) {
      const [from, to] = enclose(term, BigInt(size));
      low += from;
      high += to;
    }
    const value = read(low, BigInt(size));
    if (value === read(high, BigInt(size))) return value;
  }
  throw new ExactError("too close to a tie to decide");
}

function enclose({ radical, factor }, size) {
  let low = 1n << size;
  let high = low;
  for (const [p, a] of radical) {
    const base = scaledRoot(p, a, size);
    low = (low * base) >> size;
    high = -((-high * (base + 1n)) >> size);
  }
  const [from, to] = numerator(factor) > 0n ? [low, high] : [high, low];
  return [floor(mul(from, factor)), ceil(mul(to, factor))];
}

const roots = new Map();

function scaledRoot(p, a, size) {
  const key = `${p}^${a.n}/${a.d}:${size}`;
  if (roots.size > 5000) roots.clear();
  if (!roots.has(key)) roots.set(key, root(p ** a.n << (a.d * size), a.d));
  return roots.get(key);
}

// Newton from above, which only ever falls.
function root(n, k) {
  let guess = 1n << (BigInt(bits(n)) / k + 1n);
  for (;;) {
    const better = ((k - 1n) * guess + n / guess ** (k - 1n)) / k;
    if (better >= guess) return guess;
    guess = better;
  }
}

function floor(x) {
  if (whole(x)) return x;
  if (x instanceof Surd) return decide(x, (scaled, size) => scaled >> size);
  return x.n >= 0n ? x.n / x.d : -((-x.n + x.d - 1n) / x.d);
}

const ceil = (x) => -floor(negate(x));

function sign(x) {
  if (x instanceof Surd) return decide(x, (scaled) => (scaled > 0n ? 1 : scaled < 0n ? -1 : 0));
  return numerator(x) > 0n ? 1 : numerator(x) < 0n ? -1 : 0;
}

const compare = (a, b) => (whole(a) && whole(b) ? (a < b ? -1 : a > b ? 1 : 0) : sign(sub(a, b)));
const min = (a, b) => (compare(a, b) <= 0 ? a : b);
const max = (a, b) => (compare(a, b) >= 0 ? a : b);
const equal = (a, b) => (sub(a, b) === 0n ? 1n : 0n);
const HALF = q(1n, 2n);
const roundTo = (a, step) => mul(floor(add(div(a, step), HALF)), step);

function roundWidth(a, divisor) {
  const width = max(divisor, roundTo(a, divisor));
  return compare(mul(width, 10n), mul(a, 9n)) < 0 ? add(width, divisor) : width;
}

const residues = (count, residue, period) => ceil(div(sub(count, residue), period));

function toFloat(x) {
  if (whole(x)) return Number(x);
  if (x instanceof Surd) return x.terms.reduce((sum, t) => sum + toFloat(t.factor) * radicalFloat(t), 0);
  const shift = BigInt(Math.max(0, Math.max(bits(x.n), bits(x.d)) - 1000));
  return Number(x.n >> shift) / Number(x.d >> shift);
}

const radicalFloat = ({ radical }) => radical.reduce((p, [n, a]) => p * Number(n) ** (Number(a.n) / Number(a.d)), 1);

// The one spelling of a number, which reads back as the same value: 2.25, 3/2*sqrt(2).
function text(x) {
  if (!(x instanceof Surd)) return rationalText(x);
  const [first, ...rest] = x.terms.map(termText);
  return first + rest.map((t) => (t.startsWith("-") ? ` - ${t.slice(1)}` : ` + ${t}`)).join("");
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
  return `${x.n}/${x.d}`;
}

function termText({ radical, factor }) {
  const bases = new Map();
  for (const [p, a] of radical) bases.set(text(a), [...(bases.get(text(a)) ?? []), [p, a]]);
  const roots = [];
  for (const group of bases.values()) {
    const product = group.reduce((n, [p]) => n * p, 1n);
    const a = group[0][1];
    for (const n of product <= MAX_PRIME ? [product] : group.map(([p]) => p)) {
      roots.push(a.n === 1n && a.d === 2n ? `sqrt(${n})` : `${n}**(${a.n}/${a.d})`);
    }
  }
  if (roots.length && factor === 1n) return roots.join("*");
  if (roots.length && factor === -1n) return `-${roots.join("*")}`;
  return [factor instanceof Rational ? `${factor.n}/${factor.d}` : `${factor}`, ...roots].join("*");
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
