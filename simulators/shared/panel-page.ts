/** The page for people at /_panel: switches, faults, the ledger; it needs nothing from outside. */
export function panelPage(title: string): string {
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title} simulator</title>
<style>
  :root { color-scheme: light dark; font: 15px/1.4 system-ui, sans-serif; }
  body { max-width: 1100px; margin: 2rem auto; padding: 0 1rem; }
  h2 { margin: 2rem 0 .5rem; font-size: 1.1rem; }
  table { border-collapse: collapse; width: 100%; }
  th, td { text-align: left; vertical-align: top; padding: .3rem .6rem; border-bottom: 1px solid color-mix(in srgb, currentColor 20%, transparent); }
  code { overflow-wrap: anywhere; }
  button { font: inherit; }
</style>
</head>
<body>
<h1>${title} simulator</h1>
<p>Virtual time: <code id="now"></code> <button id="reset">Back to the seed</button></p>
<h2>Faults</h2>
<table><thead><tr><th>Id</th><th>Call</th><th>Does</th><th>Hits</th><th><button id="clear">Clear all</button></th></tr></thead><tbody id="faults"></tbody></table>
<h2>Switches</h2>
<table><tbody id="switches"></tbody></table>
<h2>Ledger, newest first</h2>
<table><thead><tr><th>#</th><th>At</th><th>What</th><th></th></tr></thead><tbody id="ledger"></tbody></table>
<script>
  const get = async (path) => (await fetch('/_panel/' + path)).json();
  const fill = (id, rows) => document.getElementById(id).replaceChildren(...rows.map((cells) => {
    const row = document.createElement('tr');
    for (const cell of cells) {
      const td = row.insertCell();
      if (cell instanceof Node) td.append(cell);
      else { const code = document.createElement('code'); code.textContent = cell; td.append(code); }
    }
    return row;
  }));
  const button = (text, run) => {
    const element = document.createElement('button');
    element.textContent = text;
    element.onclick = () => run().then(show);
    return element;
  };
  async function show() {
    const [clock, faults, switches, ledger] = await Promise.all(['clock', 'faults', 'switches', 'ledger'].map(get));
    document.getElementById('now').textContent = clock.now;
    fill('faults', faults.faults.map((fault) => [fault.id, fault.call, JSON.stringify({ where: fault.where, ...fault.do }), String(fault.hits) + (fault.times ? ' of ' + fault.times : ''),
      button('Clear', () => fetch('/_panel/faults/' + fault.id, { method: 'DELETE' }))]));
    fill('switches', Object.entries(switches).map(([name, value]) => [name, JSON.stringify(value)]));
    fill('ledger', ledger.entries.slice(-200).reverse().map(({ seq, at, what, ...rest }) => [String(seq), at, what, JSON.stringify(rest)]));
  }
  document.getElementById('clear').onclick = () => fetch('/_panel/faults', { method: 'DELETE' }).then(show);
  document.getElementById('reset').onclick = () => fetch('/_panel/reset', { method: 'POST' }).then(show);
  show();
  setInterval(show, 2000);
</script>
</body>
</html>
`;
}
