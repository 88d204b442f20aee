// `node tokens.js MODULES GRAMMAR < programs.json`: reads `{ name: { text, tokens: [[first byte, byte after, class]] } }` and says where the
// engine of VS Code sees other strings, paths and comments than that. One line a file that differs; the exit code is 1 then.
const fs = require('fs');
const path = require('path');
const [modules, file] = process.argv.slice(2);
const oniguruma = require(path.join(modules, 'vscode-oniguruma'));
const textmate = require(path.join(modules, 'vscode-textmate'));

const CLASSES = [
  ['comment.', 'comment'],
  ['string.unquoted.jsonpath', 'path'],
  ['string.quoted.double', 'string'],
];
// Of nested scopes the outermost counts: a path or a comment inside a string is a part of the string.
const classOf = (scopes) => {
  for (const scope of scopes) for (const [prefix, name] of CLASSES) if (scope.startsWith(prefix)) return name;
  return null;
};

function seen(grammar, text) {
  const ranges = [];
  let stack = textmate.INITIAL;
  let at = 0;
  for (const line of text.split('\n')) {
    const result = grammar.tokenizeLine(line, stack);
    stack = result.ruleStack;
    for (const token of result.tokens) {
      const name = classOf(token.scopes);
      const start = at + Buffer.byteLength(line.slice(0, token.startIndex));
      const end = at + Buffer.byteLength(line.slice(0, token.endIndex).replace(/\r$/, ''));
      const last = ranges[ranges.length - 1];
      if (!name || end <= start) continue;
      if (last && last[2] === name && last[1] === start) last[1] = end;
      else ranges.push([start, end, name]);
    }
    at += Buffer.byteLength(line) + 1;
  }
  return ranges;
}

(async () => {
  await oniguruma.loadWASM(fs.readFileSync(path.join(modules, 'vscode-oniguruma/release/onig.wasm')).buffer);
  const registry = new textmate.Registry({
    onigLib: Promise.resolve({
      createOnigScanner: (patterns) => new oniguruma.OnigScanner(patterns),
      createOnigString: (text) => new oniguruma.OnigString(text),
    }),
    loadGrammar: async () => textmate.parseRawGrammar(fs.readFileSync(file, 'utf8'), file),
  });
  const grammar = await registry.loadGrammar('source.rot');
  let wrong = 0;
  for (const [name, { text, tokens }] of Object.entries(JSON.parse(fs.readFileSync(0, 'utf8')))) {
    const got = seen(grammar, text).map(String);
    const wanted = tokens.map(String);
    const odd = [...got.filter((t) => !wanted.includes(t)).map((t) => `+${t}`), ...wanted.filter((t) => !got.includes(t)).map((t) => `-${t}`)];
    if (odd.length) {
      wrong += 1;
      console.log(`${name}: ${odd.slice(0, 6).join(' ')}`);
    }
  }
  process.exit(wrong ? 1 : 0);
})();
