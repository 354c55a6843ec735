/** Colours that people with a red-green weakness tell apart as well: served is light, refused dark. */
export const reportStyle = `
:root {
  color-scheme: light dark;
  --page: #fbfbfa; --ink: #1d2327; --faint: #6b747b; --rule: #d9dee2; --card: #ffffff;
  --served: #3fae6a; --waiting: #f2b23c; --refused: #c8322b; --unanswered: #6b1f6b;
  --fault: #c8322b; --election: #2563c9; --undo: #6b747b; --recovery: #16803f;
  --p0: #7aa7e8; --p1: #b79be8; --p2: #e8b67a; --ready: #9db3c4; --running: #d3dde5; --starting: #edf1f4;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #14181b; --ink: #e6eaed; --faint: #98a3ab; --rule: #313a41; --card: #1b2126;
    --served: #35a061; --waiting: #d9982a; --refused: #ef5a4f; --unanswered: #c77dd0;
    --fault: #ef5a4f; --election: #6ea3f5; --undo: #98a3ab; --recovery: #4cc380;
    --p0: #34619e; --p1: #6b4fa3; --p2: #94662b; --ready: #56697a; --running: #37444f; --starting: #262f37;
  }
}
* { box-sizing: border-box }
body { margin: 0 auto; padding: 24px; max-width: 1280px; background: var(--page); color: var(--ink);
  font: 15px/1.45 system-ui, sans-serif }
h1 { font-size: 22px; margin: 0 0 4px } h2 { font-size: 19px; margin: 0 } h3 { font-size: 14px; margin: 20px 0 6px }
p { margin: 6px 0; max-width: 90ch } .faint { color: var(--faint) }
section { border-top: 1px solid var(--rule); margin-top: 28px; padding-top: 20px }
.verdict { display: inline-block; padding: 2px 10px; border-radius: 4px; color: #fff; font-weight: 600; font-size: 14px }
.verdict.held { background: #16803f } .verdict.slow { background: #a86400 }
.verdict.broken { background: #b3261e } .verdict.unclear { background: #5c6670 }
.reasons { margin: 8px 0; padding-left: 20px } .reasons li { font-weight: 600 }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 10px; margin: 14px 0 }
.tile { background: var(--card); border: 1px solid var(--rule); border-radius: 6px; padding: 8px 12px }
.tile b { display: block; font-size: 20px } .tile.over b { color: var(--refused) }
.tile span { color: var(--faint); font-size: 13px }
table { border-collapse: collapse; width: 100%; font-size: 13.5px }
td, th { text-align: left; padding: 3px 10px 3px 0; border-bottom: 1px solid var(--rule); vertical-align: top }
td.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; width: 1% }
td[class] + td[class] { width: 1%; white-space: nowrap; padding-right: 16px }
td.fault { color: var(--fault) } td.election { color: var(--election) } td.recovery { color: var(--recovery) }
code { font: 12.5px ui-monospace, monospace; overflow-wrap: anywhere }
.wide { overflow-x: auto; background: var(--card); border: 1px solid var(--rule); border-radius: 6px; padding: 12px }
.legend { display: flex; flex-wrap: wrap; gap: 4px 18px; margin: 8px 0 0; font-size: 13px; color: var(--faint) }
.legend i { display: inline-block; width: 12px; height: 12px; margin-right: 6px; vertical-align: -1px; border-radius: 2px }
.picture { width: 100%; min-width: 900px; height: auto; display: block; font: 11px system-ui, sans-serif }
.picture text { fill: var(--ink) } .label { text-anchor: end; fill: var(--faint) !important } .strong { font-weight: 700; fill: var(--ink) !important }
.heading { font-weight: 700 } .inside { font-size: 10px } .amount { font-weight: 700 } .time { text-anchor: middle; fill: var(--faint) !important }
.tick { stroke: var(--faint); fill: none }
.served { fill: var(--served) } .waiting { fill: var(--waiting) } .refused { fill: var(--refused) } .unanswered { fill: var(--unanswered) }
.violation { fill: #e6007e; stroke: var(--card); stroke-width: 1 } .gap { fill: var(--ink) }
.p0 { fill: var(--p0) } .p1 { fill: var(--p1) } .p2 { fill: var(--p2) }
.pod.ready { fill: var(--ready) } .pod.running { fill: var(--running) } .pod.starting { fill: var(--starting) }
.line { fill: none; stroke-width: 1.4 } .line.fault { stroke: var(--fault) } .line.election { stroke: var(--election); stroke-dasharray: 5 3 }
.line.undo { stroke: var(--undo); stroke-dasharray: 2 3 } .line.recovery { stroke: var(--recovery) }
.mark { font-weight: 600; paint-order: stroke; stroke: var(--card); stroke-width: 4px } .mark.fault { fill: var(--fault) !important } .mark.election { fill: var(--election) !important }
.mark.undo { fill: var(--undo) !important } .mark.recovery { fill: var(--recovery) !important }
details summary { cursor: pointer; margin: 14px 0 6px; font-weight: 600 }
@media print {
  body { max-width: none; padding: 0; -webkit-print-color-adjust: exact; print-color-adjust: exact }
  section { break-before: page; border: 0; margin: 0 } section:first-of-type { break-before: auto }
  .picture { min-width: 0 } .wide { overflow: visible } details > * { display: block } tr { break-inside: avoid }
}`;
