// What pictures are made of: panels with axes, lines, dots and steps, in the colours of explorable.css.
export class Paper {
  constructor(width, height, name) {
    Object.assign(this, {width, height, name, narrow: width < 560});
  }

  // Two boxes side by side, or one above the other.
  halves() {
    const {width, height} = this;
    return this.narrow ? [[0, 0, width, height / 2], [0, height / 2, width, height / 2]]
      : [[0, 0, width / 2, height], [width / 2, 0, width / 2, height]];
  }

  // A panel in the box [left, top, width, height]; `inside` gets its scales and returns what is drawn within the
  // frame.  Its x axis is logarithmic if `log`, its y axis if `high`.  A tick is a value, or a place and its text.
  panel(place, {x, y, log = false, high = false, title = "", xlabel, ylabel, xticks, yticks}, inside) {
    const [left, top, width, height] = place, minus = v => String(v).replace("-", "−");
    const places = given => given.map(v => Array.isArray(v) ? v : [v, v]);
    const longest = Math.max(...places(yticks).map(([, text]) => String(text).length));
    const box = {
      left: left + Math.max(46, 30 + 7.5 * longest), right: left + width - 12,
      top: top + (title ? 26 : 10), bottom: top + height - 42,
    };
    const scale = (logarithmic, limits, from, to) => {
      const along = logarithmic ? Math.log10 : Number, [start, end] = limits.map(along);
      return v => from + (along(v) - start) / (end - start) * (to - from);
    };
    const X = scale(log, x, box.left, box.right), Y = scale(high, y, box.bottom, box.top);
    const clip = `${this.name}-${Math.round(left)}-${Math.round(top)}`;
    const ticks = places(xticks).map(([v, text]) => `<path class="axis" d="M${X(v)} ${box.bottom}v5"/>
      <text x="${X(v)}" y="${box.bottom + 19}" text-anchor="middle">${minus(text)}</text>`).join("")
      + places(yticks).map(([v, text]) => `<path class="axis" d="M${box.left} ${Y(v)}h-5"/>
      <text x="${box.left - 8}" y="${Y(v) + 4.5}" text-anchor="end">${minus(text)}</text>`).join("");
    const middle = (box.top + box.bottom) / 2;
    return `<clipPath id="${clip}"><rect x="${box.left}" y="${box.top}" width="${box.right - box.left + 4}"
      height="${box.bottom - box.top}"/></clipPath><g clip-path="url(#${clip})">${inside(new Scales(X, Y, box))}</g>
      <path class="axis" d="M${box.left} ${box.top}V${box.bottom}H${box.right}"/>${ticks}
      <text x="${(box.left + box.right) / 2}" y="${box.bottom + 37}" text-anchor="middle">${xlabel}</text>
      <text transform="translate(${left + 13} ${middle}) rotate(-90)" text-anchor="middle">${ylabel}</text>
      <text x="${box.left}" y="${top + 15}" class="title">${title}</text>`;
  }
}

class Scales {
  constructor(X, Y, box) {
    Object.assign(this, {X, Y, box});
  }

  at(x, y) {
    return `${this.X(x).toFixed(1)} ${this.Y(y).toFixed(1)}`;
  }

  box_of([left, right], [low, high]) {
    const [x, y] = [this.X(right), this.Y(high)].map(each => each.toFixed(1));
    return `M${this.at(left, low)}H${x}V${y}H${this.X(left).toFixed(1)}Z`;
  }

  line(role, xs, ys) {
    let path = "";
    for (let k = 0; k < ys.length; k++) path += (k ? "L" : "M") + this.at(xs[k], ys[k]);
    return `<path class="line ${role}" d="${path}"/>`;
  }

  dots(role, xs, ys) {
    let path = "";
    for (let k = 0; k < ys.length; k++) path += `M${this.at(xs[k], ys[k])}h0`;
    return `<path class="dots ${role}" d="${path}"/>`;
  }
}

// A number of the result in a sentence, under its name.
export function number(name, value, digits = value.toPrecision(3)) {
  return `<b data-number="${name}">${digits.replace("-", "−")}</b>`;
}

// Round values between two, some five of them.
export function tickmarks([low, high]) {
  const rough = (high - low) / 5, power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find(each => power * each >= rough);
  const first = Math.ceil(low / step), count = Math.floor(high / step) - first + 1;
  return Array.from({length: count}, (_, i) => Number(((first + i) * step).toPrecision(3)));
}
