"""How pages and charts look: light, dark and printed, with the fonts that are there."""

from typing import Final

CHARTS: Final = """\
.chart { display: block; width: 100%; height: auto; }
.chart text { font-size: 14px; fill: var(--ink); }
.chart .muted { fill: var(--muted); }
.chart path, .chart line { fill: none; }
.grid { stroke: var(--grid); }
.axis { stroke: var(--muted); }
.zero { stroke: var(--muted); stroke-dasharray: 1 2; }
.limit { stroke: var(--loss); stroke-dasharray: 5 4; }
.line { stroke: var(--ink); stroke-width: 1.6; stroke-linejoin: round; }
.chart .area.loss { fill: var(--loss); fill-opacity: 0.25; }
.bar.gain { fill: var(--gain); fill-opacity: 0.75; }
.bar.loss { fill: var(--loss); fill-opacity: 0.75; }
.bar.plain { fill: var(--muted); fill-opacity: 0.6; }
.chart .outline { fill: none; stroke: var(--ink); stroke-width: 1.3; }
.chart .dot { fill: var(--gain); fill-opacity: 0.55; stroke: var(--gain); stroke-width: 0.6; }
.cross { stroke: var(--loss); stroke-width: 1.4; }
.whisker { stroke: var(--muted); stroke-width: 2; }
.whisker.gain { stroke: var(--gain); }
.whisker.loss { stroke: var(--loss); }
.mark { fill: var(--muted); stroke: var(--paper); stroke-width: 0.6; }
.mark.gain { fill: var(--gain); }
.mark.loss { fill: var(--loss); }
.range { stroke: var(--muted); stroke-width: 1.2; }
.close { stroke: var(--ink); stroke-width: 1.4; }
.line.stop { stroke: var(--loss); stroke-width: 2; stroke-linejoin: miter; }
.entry { stroke: var(--accent); stroke-width: 1.4; stroke-dasharray: 6 3; }
.chart .entry-mark { fill: var(--accent); }
.target { stroke: var(--gain); stroke-width: 1.6; stroke-dasharray: 2 3; }
.exit { fill: var(--ink); stroke: var(--paper); }
.ring { fill: var(--paper); stroke: var(--ink); stroke-width: 1.4; }
.chart .ring-number { font-size: 11px; font-weight: 700; }
"""
"""Classes of the marks; every word in a picture is 14 of its 480 units high."""

PAGE: Final = """\
:root {
  color-scheme: light dark;
  --paper: #ffffff; --ink: #1a1f24; --muted: #5b6570; --grid: #e3e7eb; --panel: #f5f7f8;
  --gain: #0b7a75; --loss: #c2410c; --accent: #2457a6;
}
@media screen and (prefers-color-scheme: dark) {
  :root {
    --paper: #12171c; --ink: #e6eaee; --muted: #9aa6b2; --grid: #2b343c; --panel: #1a2127;
    --gain: #4fc3b8; --loss: #f58a5b; --accent: #86b2ff;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; padding: 1.5rem 1rem 3rem; max-width: 72rem;
  background: var(--paper); color: var(--ink);
  font: 1rem/1.45 system-ui, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
}
h1 { font-size: 1.6rem; line-height: 1.2; margin: 0 0 0.3rem; }
h2 { font-size: 1.2rem; margin: 2.2rem 0 0.6rem; }
h3 { font-size: 1rem; margin: 0; }
p { margin: 0.3rem 0; }
.muted, figcaption p, dt { color: var(--muted); }
.figures, .terms { display: grid; gap: 0.5rem; margin: 1rem 0; padding: 0; }
.figures { grid-template-columns: repeat(auto-fill, minmax(10rem, 1fr)); }
.figures div { background: var(--panel); border-radius: 0.4rem; padding: 0.5rem 0.75rem; }
.terms { grid-template-columns: repeat(auto-fill, minmax(16rem, 1fr)); font-size: 0.9rem; }
dt { font-size: 0.85rem; }
dd { margin: 0; font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
.figures dd { font-weight: 600; }
.notes { border-left: 0.25rem solid var(--accent); margin: 1rem 0; padding: 0.1rem 0 0.1rem 1rem; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(24rem, 100%), 1fr)); }
.charts { gap: 2rem 2.5rem; margin-top: 1rem; }
figure { margin: 0; min-width: 0; max-width: 40rem; break-inside: avoid; }
figcaption { margin-bottom: 0.6rem; overflow-wrap: anywhere; }
figcaption p { font-size: 0.9rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: 0.85rem; font-variant-numeric: tabular-nums; }
th, td { padding: 0.25rem 0.5rem; text-align: left; white-space: nowrap; }
th { color: var(--muted); font-weight: 600; border-bottom: 1px solid var(--muted); }
th { white-space: normal; vertical-align: bottom; }
td:first-child, th:first-child { position: sticky; left: 0; background: var(--paper); }
td { border-bottom: 1px solid var(--grid); }
.number { text-align: right; }
td.prose { white-space: normal; min-width: 18rem; }
@media print {
  body { padding: 0; max-width: none; font-size: 10pt; }
  .charts { grid-template-columns: 1fr 1fr; gap: 1rem; }
  .wide { overflow: visible; }
  table { font-size: 7pt; }
  th, td { padding: 0.1rem 0.25rem; }
  thead { display: table-header-group; }
  tr { break-inside: avoid; }
  * { print-color-adjust: exact; }
}
"""
