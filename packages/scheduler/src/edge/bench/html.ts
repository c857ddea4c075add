import { columns, isUsable, lineOf, rateOf, rowName, type Report, type Row } from './report.ts';

const escape = (text: string): string => text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
const [width, height, margin] = [640, 180, 40] as const;
const colours = ['#1667b7', '#c2410c', '#15803d', '#7e22ce', '#475569'];

/** Pods bound in each second, a line a repetition. */
function plot({ samples }: Row): string {
  const seconds = Math.max(1, ...samples.map(({ bySecond }) => bySecond.length));
  const most = Math.max(1, ...samples.flatMap(({ bySecond }) => bySecond));
  const x = (second: number): number => margin + ((width - 2 * margin) * second) / Math.max(1, seconds - 1);
  const y = (pods: number): number => height - margin + 10 - ((height - margin - 10) * pods) / most;
  const lines = samples.map(({ bySecond }, at) =>
    `<polyline fill="none" stroke="${colours[at % colours.length]}" stroke-width="2" points="${bySecond.map((pods, second) => `${x(second).toFixed(1)},${y(pods).toFixed(1)}`).join(' ')}"/>`);
  return `<svg viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">
<line x1="${margin}" y1="${y(0)}" x2="${width - margin}" y2="${y(0)}" stroke="#999"/><line x1="${margin}" y1="${y(0)}" x2="${margin}" y2="${y(most)}" stroke="#999"/>
<text x="${margin - 4}" y="${y(most) + 8}" text-anchor="end">${most}</text><text x="${margin - 4}" y="${y(0)}" text-anchor="end">0</text>
<text x="${width - margin}" y="${y(0) + 16}" text-anchor="end">${seconds} s</text>${lines.join('')}</svg>`;
}

const bar = 18;
const nameWidth = 380;

/** All rows' rates on one scale (a tenfold in equal steps), with the least and the greatest run and upstream's line. */
function overview(rows: readonly Row[]): string {
  const measured = rows.filter(({ samples }) => samples.length > 0);
  if (measured.length === 0) return '';
  const most = Math.max(10, ...measured.flatMap(({ samples }) => samples.map(({ podsPerSecond }) => podsPerSecond)));
  const x = (rate: number): number => nameWidth + (width * Math.log10(Math.max(1, rate))) / Math.log10(most);
  const lines = measured.map((row, at) => {
    const rates = row.samples.map(({ podsPerSecond }) => podsPerSecond);
    const [y, rate] = [at * bar, rateOf(row) ?? 0];
    const mark = (from: number, to: number, colour: string): string => `<rect x="${from.toFixed(1)}" y="${y + 3}" width="${Math.max(1.5, to - from).toFixed(1)}" height="${bar - 6}" fill="${colour}"/>`;
    const line = row.line === undefined ? '' : mark(x(row.line), x(row.line), '#c2410c');
    return `<text x="${nameWidth - 6}" y="${y + 13}" text-anchor="end">${escape(`${rowName(row)} (${row.target === 'decisions' ? 'process' : 'real'})`)}</text>
${mark(nameWidth, x(rate), isUsable(row) ? '#1667b7' : '#94a3b8')}${mark(x(Math.min(...rates)), x(Math.max(...rates)), '#0f172a')}${line}<text x="${(x(rate) + 6).toFixed(1)}" y="${y + 13}">${Math.round(rate).toLocaleString('en')}</text>`;
  });
  return `<p>Pods a second, each step of the scale ten times the one before; dark: from the least run to the greatest; grey: not usable; red: upstream's line.</p>
<svg width="${nameWidth + width + 80}" height="${measured.length * bar}" role="img">${lines.join('')}</svg>`;
}

/** Everything in one file. */
export function html(report: Report): string {
  const cells = (tag: string, line: readonly string[]): string => `<tr>${line.map((cell) => `<${tag}>${escape(cell)}</${tag}>`).join('')}</tr>`;
  const plots = report.rows.filter(({ samples }) => samples.some(({ bySecond }) => bySecond.length > 1)).map((row) => `<h2>${escape(rowName(row))}</h2>\n${plot(row)}`);
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>cox bench scheduling</title>
<style>body{font:14px/1.4 system-ui,sans-serif;margin:2em;color:#111}table{border-collapse:collapse}td,th{border:1px solid #ccc;padding:.3em .6em;text-align:left;vertical-align:top}text{font-size:11px;fill:#555}h2{font-size:1em;margin:1.5em 0 .2em}</style>
<h1>cox bench scheduling</h1><p>${escape(report.atIso)}; ${escape(report.machine)}</p>
<ul>${report.notes.map((note) => `<li>${escape(note)}</li>`).join('')}</ul>
<table>${cells('th', columns)}${report.rows.map((row) => cells('td', lineOf(row))).join('\n')}</table>
${overview(report.rows)}
<p>Pods bound in each second, where it took more than one; a line a run:</p>${plots.join('\n')}
<h2>Not measured</h2><ul>${Object.entries(report.leftOut).map(([name, why]) => `<li>${escape(name)}: ${escape(why)}</li>`).join('')}</ul></html>
`;
}
