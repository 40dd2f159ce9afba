/* The report's own script: draws the charts that the page describes, sorts tables. Everything that
 * was measured stands in the page's data; here is only how it looks. */
'use strict';
(() => {
  const root = document.documentElement;
  const css = (name) => getComputedStyle(root).getPropertyValue(name).trim();
  const color = (i) => css('--c' + i % 6);
  const faint = (c, share) => {
    const n = parseInt(c.slice(1), 16);
    return `rgba(${n >> 16}, ${(n >> 8) & 255}, ${n & 255}, ${share})`;
  };
  const dashes = [[], [7, 3], [2, 2], [10, 3, 2, 3], [1, 3], [14, 4]];
  const charts = [];
  const errors = [];
  window.addEventListener('error', (e) => errors.push(e.message));

  /* ---- numbers ---- */

  const text = (v) => {
    if (v === null || !isFinite(v)) return '-';
    const a = Math.abs(v);
    if (a >= 1000) return v.toLocaleString('en', {maximumFractionDigits: 0});
    return String(+v.toPrecision(a >= 100 ? 3 : a >= 1 ? 3 : 2));
  };
  const two = (n) => String(n).padStart(2, '0');
  const seconds = (s) => {
    if (s >= 3600) return `${Math.floor(s / 3600)}:${two(Math.floor(s / 60) % 60)} h`;
    if (s >= 60) return `${Math.floor(s / 60)}:${two(Math.floor(s % 60))} min`;
    return `${+s.toPrecision(3)} s`;
  };
  const days = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'];
  const share = (x) => `${+(100 * (1 - 1 / x)).toPrecision(7)} %`;
  const axes = {
    seconds: {label: seconds, steps: [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900,
      1800, 3600, 7200, 14400, 21600, 43200, 86400, 172800, 604800]},
    hours: {label: (h) => `${two(h)}:00`, ticks: [0, 3, 6, 9, 12, 15, 18, 21, 24]},
    week: {label: (h) => (h < 168 ? days[Math.floor(h / 24)] : ''),
      ticks: [0, 24, 48, 72, 96, 120, 144, 168]},
    percentile: {label: share, log: true, ticks: [1, 2, 10, 100, 1000, 10000, 100000]},
    plain: {label: text},
    log: {label: text, log: true},
  };

  /* ---- what Chart.js has not: bands of faults, lines of moments, whiskers, hatching ---- */

  const hatch = (ctx, c) => {
    const tile = document.createElement('canvas');
    tile.width = tile.height = 8;
    const t = tile.getContext('2d');
    t.strokeStyle = c;
    t.lineWidth = 1.6;
    t.beginPath();
    t.moveTo(-2, 10);
    t.lineTo(10, -2);
    t.stroke();
    return ctx.createPattern(tile, 'repeat');
  };

  const LANE = 13; /* px of a fault's lane above the plot */
  const lanes = (spec) => (spec.bands && spec.bands.length ? Math.min(spec.lanes, 4) : 0);

  /* Faults: a lane each above the plot, and a band through it. */
  const drawBands = (chart) => {
    const {ctx, chartArea: a, scales: {x}, $spec: spec} = chart;
    const rows = lanes(spec);
    let last = [];
    for (const band of spec.bands || []) {
      const from = Math.max(x.getPixelForValue(band[0]), a.left);
      const to = Math.max(Math.min(x.getPixelForValue(band[1]), a.right), from + 2);
      const top = a.top - LANE * (rows - band[3] % rows);
      ctx.fillStyle = faint(css('--c1'), 0.08);
      ctx.fillRect(from, a.top, to - from, a.bottom - a.top);
      ctx.fillStyle = faint(css('--c1'), 0.35);
      ctx.fillRect(from, top + 1, to - from, LANE - 2);
      ctx.strokeStyle = css('--c1');
      ctx.setLineDash([]);
      ctx.strokeRect(from, top + 1, to - from, LANE - 2);
      ctx.fillStyle = css('--text');
      if (last[band[3] % rows] > from) continue; /* its letter would stand on another */
      const wide = ctx.measureText(band[2]).width;
      ctx.fillText(band[2], Math.min(from + 3, a.right - wide), top + LANE - 3);
      last[band[3] % rows] = from + 3 + wide;
    }
  };

  /* Lines at moments, each with its word where there is room. */
  const drawMarks = (chart) => {
    const {ctx, chartArea: a, scales: {x}, $spec: spec} = chart;
    const ends = []; /* of the words, row by row from below */
    for (const mark of [...spec.marks || []].sort((p, q) => p[0] - q[0])) {
      if (!mark[1]) continue;
      const at = x.getPixelForValue(mark[0]);
      if (at < a.left - 1 || at > a.right + 1) continue;
      ctx.strokeStyle = ctx.fillStyle = css('--text');
      ctx.setLineDash([2, 3]);
      ctx.beginPath();
      ctx.moveTo(at, a.top);
      ctx.lineTo(at, a.bottom);
      ctx.stroke();
      const wide = ctx.measureText(mark[1]).width;
      const left = at + wide + 6 > a.right;
      const from = left ? at - wide - 3 : at + 3;
      let row = 0;
      while (row < 6 && ends[row] > from) row++;
      ends[row] = from + wide + 4;
      const y = a.bottom - 5 - 13 * row;
      ctx.setLineDash([]);
      ctx.lineWidth = 3;
      ctx.strokeStyle = css('--back');
      ctx.strokeText(mark[1], from, y);
      ctx.lineWidth = 1;
      ctx.fillText(mark[1], from, y);
    }
  };

  /* Between the least and the most of several runs. */
  const drawSpread = (chart) => {
    const {ctx, chartArea: a, scales: {x, y}, $spec: spec} = chart;
    const at = (v) => Math.min(Math.max(y.getPixelForValue(Math.max(v, y.min)), a.top), a.bottom);
    (spec.series || []).forEach((s, i) => {
      if (!s.band || !s.band.length || !chart.isDatasetVisible(i)) return;
      ctx.fillStyle = faint(color(s.color === undefined ? i : s.color), 0.18);
      for (let k = 0; k < s.points.length;) {
        let end = k;
        while (end < s.points.length && s.band[end][0] !== null) end++;
        if (end > k) {
          ctx.beginPath();
          const path = [];
          for (let n = k; n < end; n++) {
            path.push([x.getPixelForValue(s.points[n][0]), n]);
            if (s.style === 'hold' && n + 1 < end) path.push([x.getPixelForValue(s.points[n + 1][0]), n]);
          }
          for (const [at_x, n] of path) ctx.lineTo(at_x, at(s.band[n][1]));
          for (const [at_x, n] of path.reverse()) ctx.lineTo(at_x, at(s.band[n][0]));
          ctx.fill();
        }
        k = end + 1;
      }
    });
  };

  const extras = {
    id: 'extras',
    beforeDatasetsDraw(chart) {
      const {ctx, chartArea: a, scales: {x, y}, $spec: spec} = chart;
      ctx.save();
      ctx.font = '600 11px system-ui, sans-serif';
      drawBands(chart);
      ctx.beginPath();
      ctx.rect(a.left, a.top - 1, a.right - a.left, a.bottom - a.top + 2);
      ctx.save();
      ctx.clip();
      drawSpread(chart);
      ctx.restore();
      drawMarks(chart);
      if (spec.zero) {
        ctx.strokeStyle = css('--text');
        ctx.lineWidth = 3;
        ctx.beginPath();
        ctx.moveTo(a.left, y.getPixelForValue(0));
        ctx.lineTo(a.right, y.getPixelForValue(0));
        ctx.stroke();
      }
      if (spec.dumbbells) { /* a bar from each first to each second */
        ctx.strokeStyle = css('--line');
        ctx.lineWidth = 4;
        spec.labels.forEach((l, k) => {
          const ends = spec.series.map((s) => s.values[k]);
          if (ends.some((v) => v === null)) return;
          const row = y.getPixelForValue(k);
          ctx.beginPath();
          ctx.moveTo(x.getPixelForValue(ends[0]), row);
          ctx.lineTo(x.getPixelForValue(ends[1]), row);
          ctx.stroke();
        });
      }
      ctx.restore();
    },
    afterDatasetsDraw(chart) {
      const {ctx, scales: {x}, $spec: spec} = chart;
      ctx.save();
      ctx.font = '11px system-ui, sans-serif';
      (spec.series || []).forEach((s, i) => {
        const at = chart.getDatasetMeta(i).data;
        ctx.strokeStyle = ctx.fillStyle = css('--text');
        (s.labels || []).forEach((l, k) => {
          if (!l || !at[k]) return;
          const left = at[k].x + ctx.measureText(l).width + 10 > chart.chartArea.right;
          ctx.textAlign = left ? 'right' : 'left';
          ctx.fillText(l, at[k].x + (left ? -8 : 8), at[k].y + (s.ring ? 20 : -6));
        });
        if (spec.dumbbells) ctx.strokeStyle = color(i);
        (s.low || []).forEach((low, k) => {
          if (low === null || s.high[k] === null || !at[k]) return;
          const l = Math.max(x.getPixelForValue(low), chart.chartArea.left);
          const h = Math.min(x.getPixelForValue(s.high[k]), chart.chartArea.right);
          ctx.beginPath();
          ctx.moveTo(l, at[k].y);
          ctx.lineTo(h, at[k].y);
          for (const e of [l, h]) {
            ctx.moveTo(e, at[k].y - 4);
            ctx.lineTo(e, at[k].y + 4);
          }
          ctx.stroke();
        });
      });
      ctx.restore();
    },
  };

  /* ---- from the page's description to Chart.js's ---- */

  const scale = (of, vertical) => {
    const kind = axes[of.kind || 'plain'];
    const log = of.log || kind.log;
    const s = {
      type: log ? 'logarithmic' : 'linear',
      title: {display: true, text: of.title, color: () => css('--soft')},
      grid: {color: () => css('--line'), borderColor: () => css('--soft')},
      ticks: {color: () => css('--soft'), callback: (v) => kind.label(v), maxRotation: 0,
        autoSkipPadding: vertical ? 4 : 14},
    };
    if (of.min !== undefined && of.min !== null) s.min = of.min;
    if (of.max !== undefined && of.max !== null) s.max = of.max;
    if (of.most) s.suggestedMax = of.most;
    if (vertical && !log && s.min === undefined) s.beginAtZero = true;
    if (log && !kind.ticks) { /* whole powers, and their doubles and fives where these are few */
      s.afterBuildTicks = (axis) => {
        const all = [];
        const low = Math.floor(Math.log10(axis.min)), high = Math.ceil(Math.log10(axis.max));
        for (let e = low; e <= high; e++)
          for (const n of high - low > 3 ? [1] : [1, 2, 5]) all.push(+`${n}e${e}`);
        axis.ticks = all.filter((v) => v >= axis.min && v <= axis.max).map((value) => ({value}));
      };
    }
    if (kind.steps && of.max) {
      s.ticks.stepSize = kind.steps.find((n) => of.max / n <= 10) || of.max / 10;
    }
    if (kind.ticks) {
      s.afterBuildTicks = (axis) => {
        axis.ticks = kind.ticks.filter((v) => v >= axis.min && v <= axis.max * 1.001)
          .map((value) => ({value}));
      };
    }
    return s;
  };

  const points = (s, log) =>
    s.points.map(([x, y]) => ({x, y: y === null || (log && y <= 0) ? NaN : y}));

  const line = (spec) => ({
    type: 'line',
    data: {datasets: spec.series.map((s, i) => {
      const c = s.color === undefined ? i : s.color;
      const dots = s.style === 'dots';
      return {
        label: s.name,
        data: points(s, spec.y.log),
        showLine: !dots,
        stepped: s.style === 'hold' ? 'before' : false, /* until the next point */
        borderColor: () => color(c),
        backgroundColor: () => (dots ? color(c) : faint(color(c), 0.16)),
        borderDash: dashes[(s.dash === undefined ? i : s.dash) % dashes.length],
        borderWidth: s.thick || 1.7,
        pointStyle: s.mark || 'circle',
        pointRadius: dots ? s.size || 4 : s.points.length === 1 ? 3 : 0,
        pointBorderWidth: s.ring ? 2.5 : 1,
        pointBackgroundColor: () => (s.ring ? 'transparent' : color(c)),
        pointHitRadius: 6,
        fill: s.above === undefined ? s.fill === undefined ? false : s.fill : {
          target: s.above, below: 'transparent',
          above: hatch(document.createElement('canvas').getContext('2d'), color(c))},
        tension: 0,
      };
    })},
    options: {
      scales: {x: scale(spec.x, false), y: scale(spec.y, true)},
      interaction: {mode: 'nearest', axis: 'x', intersect: false},
      plugins: {tooltip: {callbacks: {
        title: (items) => items.length ? axes[spec.x.kind || 'plain'].label(items[0].parsed.x) : '',
        label: (item) => `${item.dataset.label}: ${text(item.parsed.y)}`,
      }}},
    },
  });

  const bars = (spec) => ({
    type: 'bar',
    data: {labels: spec.labels, datasets: spec.series.map((s, i) => ({
      label: s.name,
      data: s.values,
      backgroundColor: (c) => (i % 2 ? hatch(c.chart.ctx, color(i)) : color(i)),
      borderColor: () => color(i),
      borderWidth: 1,
      maxBarThickness: 18,
    }))},
    options: {
      indexAxis: 'y',
      scales: {x: Object.assign(scale(spec.x, false), {beginAtZero: true,
        suggestedMax: Math.max(...spec.series.flatMap((s) => s.high || []).filter(isFinite), 0)}),
        y: {ticks: {color: () => css('--text'), autoSkip: false}, grid: {display: false}}},
      plugins: {tooltip: {callbacks: {
        label: (item) => `${item.dataset.label}: ${text(item.parsed.x)}`}}},
    },
  });

  const dumbbells = (spec) => ({
    type: 'line',
    data: {labels: spec.labels, datasets: spec.series.map((s, i) => ({
      label: s.name,
      data: s.values,
      showLine: false,
      pointStyle: i ? 'rectRot' : 'circle',
      pointRadius: 6,
      pointBorderWidth: 2,
      borderColor: () => color(i),
      backgroundColor: () => (i ? color(i) : css('--back')), /* open, then full */
    }))},
    options: {
      indexAxis: 'y',
      scales: {x: Object.assign(scale(Object.assign({}, spec.x, {log: spec.log}), false),
        spec.log ? {} : {beginAtZero: true, suggestedMax:
          Math.max(...spec.series.flatMap((s) => s.high || []).filter(isFinite), 0)}),
      y: {type: 'category', offset: true, ticks: {color: () => css('--text'), autoSkip: false},
        grid: {color: () => css('--line')}}},
      interaction: {mode: 'nearest', axis: 'y', intersect: false},
      plugins: {tooltip: {callbacks: {
        label: (item) => `${item.dataset.label}: ${text(item.parsed.x)}`}}},
    },
  });

  const draw = (figure) => {
    const spec = JSON.parse(figure.querySelector('script').textContent);
    const plot = figure.querySelector('.plot');
    if (spec.kind === 'bars')
      plot.style.height = `${90 + spec.labels.length * (spec.dumbbells ? 26 : 14 + 20 * spec.series.length)}px`;
    if (spec.end) Object.assign(spec.x, {min: 0, max: spec.end});
    if (spec.kind !== 'bars') { /* what is shaded is seen whole */
      const most = Math.max(...spec.series.flatMap((s) => (s.band || []).map((b) => b[1]))
        .filter((v) => v !== null), 0);
      if (most > 0) spec.y.most = most;
    }
    if (spec.x.kind === 'log') {
      const all = spec.series.flatMap((s) => s.points.map((p) => p[0])).filter((v) => v > 0);
      Object.assign(spec.x, {min: Math.min(...all) * 0.85, max: Math.max(...all) * 1.2});
    }
    const config = spec.dumbbells ? dumbbells(spec) : spec.kind === 'bars' ? bars(spec) : line(spec);
    if (spec.x.kind === 'seconds') /* one above the other, on one x axis */
      config.options.scales.y.afterFit = (axis) => { axis.width = 66; };
    if (lanes(spec)) config.options.layout = {padding: {top: LANE * lanes(spec) + 2}};
    const usual = {
      animation: false, responsive: true, maintainAspectRatio: false, normalized: true,
    };
    if (spec.kind !== 'bars') usual.parsing = false;
    Object.assign(config.options, usual);
    Object.assign(config.options.plugins, {legend: {
      display: spec.series.length > 1, position: 'bottom', align: 'start',
      labels: {usePointStyle: spec.kind !== 'bars' || spec.dumbbells, boxWidth: 28, color: () => css('--text'),
        generateLabels: (chart) => {
          const made = Chart.defaults.plugins.legend.labels.generateLabels(chart);
          return made.map((l) => {
            const s = spec.series[l.datasetIndex];
            if (spec.kind !== 'bars' && s.style !== 'dots') {
              const d = chart.data.datasets[l.datasetIndex];
              Object.assign(l, {pointStyle: 'line', lineDash: d.borderDash,
                lineWidth: d.borderWidth, strokeStyle: d.borderColor()});
            }
            return l;
          }).filter((l) => !spec.series[l.datasetIndex].silent);
        }},
    }});
    config.plugins = [extras, {id: 'spec', beforeInit: (chart) => { chart.$spec = spec; }}];
    charts.push([figure, new Chart(plot.querySelector('canvas'), config)]);
  };

  /* ---- tables ---- */

  const value = (row, i) => {
    const cell = row.cells[i];
    const v = cell.dataset.v === undefined ? cell.textContent : cell.dataset.v;
    return v !== '' && isFinite(v) ? +v : v;
  };
  const order = (a, b) =>
    (typeof a === 'number' && typeof b === 'number' ? a - b
      : typeof a === 'number' ? -1 : typeof b === 'number' ? 1 : String(a).localeCompare(b));

  const sortable = (table) => {
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((th, i) => {
      const button = document.createElement('button');
      button.type = 'button';
      button.append(...th.childNodes);
      th.append(button);
      th.setAttribute('aria-sort', 'none');
      button.addEventListener('click', () => {
        const down = th.getAttribute('aria-sort') !== 'descending' &&
          (th.getAttribute('aria-sort') === 'ascending' || !th.classList.contains('l'));
        heads.forEach((h) => h.setAttribute('aria-sort', 'none'));
        th.setAttribute('aria-sort', down ? 'descending' : 'ascending');
        const body = table.tBodies[0];
        [...body.rows].sort((a, b) => order(value(a, i), value(b, i)) * (down ? -1 : 1))
          .forEach((row) => body.append(row));
      });
    });
  };

  /* ---- dark, paper, and a look at what was drawn ---- */

  const again = () => charts.forEach(([, chart]) => {
    chart.resize();
    chart.update('none');
  });

  const look = () => {
    for (const [figure, chart] of charts) {
      const {width, height} = chart.canvas;
      const pixels = chart.ctx.getImageData(0, 0, width, height).data;
      let ink = 0;
      for (let i = 3; i < pixels.length; i += 4) ink += pixels[i] > 0;
      const metas = chart.data.datasets.map((_, i) => chart.getDatasetMeta(i).data);
      const seen = metas.map((m) => m.filter((e) => isFinite(e.x) && isFinite(e.y) && !e.skip));
      figure.dataset.drawn = JSON.stringify({
        series: seen.length, points: seen.reduce((n, s) => n + s.length, 0),
        empty: seen.filter((s) => s.length === 0).length, ink: +(ink / width / height).toFixed(3),
        last: chart.data.datasets.map((d) => {
          const l = d.data.filter((p) => p !== null && isFinite(typeof p === 'object' ? p.y : p)).pop();
          return l === undefined ? null : typeof l === 'object' ? l.y : l;
        }),
      });
    }
    for (const table of document.querySelectorAll('table.sort')) {
      table.tHead.querySelector('button').click();
      table.tHead.querySelector('button').click();
    }
    root.dataset.charts = charts.length;
    root.dataset.figures = document.querySelectorAll('figure.chart').length;
    root.dataset.errors = errors.join('; ');
  };

  document.querySelectorAll('table.sort').forEach(sortable);
  document.querySelectorAll('figure.chart').forEach(draw);
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', again);
  window.addEventListener('beforeprint', again);
  window.addEventListener('afterprint', again);
  matchMedia('print').addEventListener('change', again);
  if (location.hash === '#look') look();
})();
