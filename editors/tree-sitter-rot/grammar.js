/**
 * @file Tree-sitter grammar of `.rot`, the secret-rotation language.
 * @license MIT OR Apache-2.0
 *
 * It follows grammar/rot.pest rule by rule; a test compares the words of the two and reads every `.rot` file of the
 * repository with both. No external scanner: what an editor loads is the generated table alone. For that one thing is
 * an approximation: brackets in a JSONPath nest three deep here, and without a bound in the language.
 */

/// <reference types="tree-sitter-cli/dsl" />
// @ts-check

// First words of statements: they cannot stand alone as a value, but `input.x` and `text(x)` are values all the same.
const STATEMENT_WORDS = [
  'http', 'sql', 'redis', 'exec', 'let', 'log', 'fail', 'stop', 'update', 'stage', 'verify', 'promote', 'revoke', 'generate', 'manual',
  'wait', 'when', 'match', 'parallel', 'for', 'repeat', 'call',
  'description', 'every', 'cron', 'timeout', 'input', 'output', 'on',
  'bearer', 'basic', 'client', 'header', 'query', 'json', 'form', 'text', 'raw', 'connect', 'retry', 'expect',
  'secret', 'public', 'ca', 'proxy', 'follow', 'limit', 'strays',
  'sign', 'login', 'statement', 'command', 'stdin', 'environment', 'arguments', 'file',
];
// Other words that cannot stand alone as a value.
const ITEM_WORDS = ['use', 'env', 'rotation', 'template', 'else', 'until', 'because'];
const OPERATOR_WORDS = ['null', 'true', 'false', 'not', 'and', 'or', 'reveal'];

const DIALECTS = ['postgres', 'mysql', 'mariadb'];

const WORD = '[A-Za-z0-9_]+(-+[A-Za-z0-9_]+)*';
const QUOTED = '"(\\\\[^\\n]|[^"\\\\\\n])*"|\'(\\\\[^\\n]|[^\'\\\\\\n])*\'';

/** A bracketed part of a JSONPath in which brackets nest `depth` deep. */
function bracketed(depth) {
  const inner = `${QUOTED}|[^\\[\\]()'"\\n]` + (depth > 1 ? `|${bracketed(depth - 1)}` : '');
  return `\\[(${inner})*\\]|\\((${inner})*\\)`;
}

/** One or more of `rule` between commas. */
const commas = (rule) => seq(rule, repeat(seq(',', rule)));

module.exports = grammar({
  name: 'rot',

  word: ($) => $.identifier,
  extras: ($) => [/[ \t\r\n]/, $.comment],
  supertypes: ($) => [$._step, $._clause],
  inline: ($) => [$._name, $._rotation_name],
  reserved: {
    none: (_) => [],
    value: (_) => [...STATEMENT_WORDS, ...ITEM_WORDS, ...OPERATOR_WORDS],
  },

  rules: {
    source_file: ($) => repeat(choice($.secret_item, $.rotation, $.use_item, $.env_item, $.template, $.target_item, $.deliver_item)),

    comment: (_) => token(/#[^\n]*/),

    // ---- Names. `method` stands before `identifier`: of two equally long matches the first is taken.
    method: (_) => /[A-Z]+/,
    identifier: (_) => /[A-Za-z_][A-Za-z0-9_]*(-+[A-Za-z0-9_]+)*/,
    secret_name: ($) => choice(new RegExp(`${WORD}(/${WORD})*(/\\*)?`), $.string),
    _name: ($) => $.identifier,
    _rotation_name: ($) => choice($.identifier, $.string),

    // ---- Items
    use_item: ($) => seq('use', field('path', $.string)),
    env_item: ($) => seq('env', commas(field('name', $.identifier))),
    secret_item: ($) => seq('secret', commas($.secret_declaration), optional($.targets)),
    target_item: ($) =>
      seq('target', field('name', $.identifier), field('kind', $.identifier), field('place', $.string), optional($.options)),
    deliver_item: ($) => seq('deliver', $.delivered, 'to', commas($.recipient)),
    delivered: ($) =>
      seq(field('secret', $.secret_name), optional(seq(token.immediate('.'), field('field', alias(token.immediate(new RegExp(WORD)), $.property))))),
    recipient: ($) => seq(field('target', $.identifier), optional(seq('as', field('name', $.string)))),
    secret_declaration: ($) => seq(field('name', $.secret_name), optional($.fields)),
    fields: ($) => seq('{', repeat(seq(field('field', $.identifier), optional(','))), '}'),
    targets: ($) => seq('to', $.target, repeat(seq(',', choice($.target, field('part', $.identifier))))),
    target: ($) => seq(optional('program'), field('host', $.string), optional(seq('in', field('part', $.identifier)))),

    rotation: ($) =>
      seq('rotation', field('name', $._rotation_name), optional(seq('from', field('template', $.identifier))), optional($.family), field('body', $.rotation_body)),
    family: ($) => seq('for', 'each', field('name', $.identifier), 'in', field('members', $.list)),
    template: ($) => seq('template', field('name', $.identifier), field('body', $.rotation_body)),
    rotation_body: ($) => seq('{', repeat(choice($._step, $._entry, $.with, $.parameter, $.about)), '}'),
    with: ($) => seq('with', $.members),
    about: ($) => seq('about', '{', repeat(seq($.fact, optional(','))), '}'),
    fact: ($) => seq(field('name', $.identifier), field('value', $.string)),
    parameter: ($) =>
      seq('parameter', commas(field('name', $.identifier)), ':', field('type', $.identifier), optional($.fields), optional(seq('=', $._expression)), optional($.targets)),

    _entry: ($) => choice($.description, $.every, $.cron, $.timeout, $.input, $.output, $.on_failure),
    description: ($) => seq('description', $.string),
    every: ($) => seq('every', $.duration, repeat($.jitter)),
    cron: ($) => seq('cron', field('pattern', $.string), repeat(choice($.zone, $.jitter))),
    zone: ($) => seq('in', $.string),
    jitter: ($) => seq('jitter', $.duration),
    timeout: ($) => seq('timeout', $.duration),
    input: ($) => seq('input', field('name', $.identifier), ':', optional('secret'), field('type', $.identifier), optional(seq('=', $._expression))),
    output: ($) =>
      seq('output', choice(seq(optional('secret'), field('name', $.identifier)), field('name', alias('secret', $.identifier))), '=', $._expression),
    on_failure: ($) => seq('on', 'failure', $.block),

    // ---- Steps
    block: ($) => seq('{', repeat($._step), '}'),
    _step: ($) =>
      choice(
        $.http, $.sql, $.redis, $.exec, $.update, $.let, $.log, $.stage, $.verify, $.promote, $.revoke, $.when, $.match, $.generate, $.fail, $.stop,
        $.wait, $.for_each, $.repeat, $.call, $.parallel, $.manual,
      ),

    http: ($) => seq('http', $._request),
    _request: ($) =>
      seq(
        optional(field('name', choice($.identifier, alias($.method, $.identifier)))),
        field('method', $.method),
        field('url', $._expression),
        optional($.effect),
        optional($.clauses),
      ),
    sql: ($) => seq('sql', $._sql),
    _sql: ($) => seq(optional(field('name', $.identifier)), field('dialect', choice(...DIALECTS)), field('address', $.string), optional($.effect), optional($.clauses)),
    redis: ($) => seq('redis', $._addressed),
    exec: ($) => seq('exec', $._addressed),
    _addressed: ($) => seq(optional(field('name', $.identifier)), field('address', $.string), optional($.effect), optional($.clauses)),
    clauses: ($) => seq('{', repeat($._clause), '}'),

    effect: ($) =>
      choice(
        'reads',
        seq('issues', choice(seq('additive', repeat($.at_most)), seq('replacing', repeat(choice($.replay_key, $.grace, $.recover, $.accept, $.at_most))))),
        seq('sets', optional(choice('self', 'slot'))),
        'revokes',
      ),
    at_most: ($) => seq('at', 'most', $.integer),
    replay_key: ($) => seq('key', $.string),
    grace: ($) => seq('grace', $.duration),
    recover: ($) => seq('recover', 'with', field('rotation', $._rotation_name)),
    accept: ($) => seq('accept', 'lockout-risk', $.string),

    let: ($) => seq('let', field('name', $.identifier), '=', field('value', $._expression)),
    log: ($) => seq('log', $._expression),
    fail: ($) => seq('fail', $._expression),
    stop: ($) => prec.right(seq('stop', optional(choice($.string, $.group)))),
    update: ($) => seq('update', $._store),
    stage: ($) => seq('stage', $._store),
    _store: ($) => seq(field('secret', $.secret_name), choice(seq('=', $._expression), $.members), repeat(choice($.expires, $.allow))),
    expires: ($) => seq('expires', $._expression),
    allow: ($) => seq('allow', commas($.identifier)),
    verify: ($) => seq('verify', repeat(choice($.within, $.pause)), $.block),
    within: ($) => seq('within', $.duration),
    pause: ($) => seq('every', $.duration),
    promote: ($) => seq('promote', field('secret', $.secret_name)),
    revoke: ($) => seq('revoke', $.secret_reference, repeat($.after), $.block),
    after: ($) => seq('after', choice($.duration, $.identifier)),
    generate: ($) => seq('generate', field('name', $.identifier), field('kind', $.identifier), optional($.options)),
    options: ($) => seq('{', repeat(seq($.option, optional(','))), '}'),
    option: ($) => seq(field('name', $.identifier), field('value', $._expression)),
    manual: ($) => seq('manual', field('name', $.identifier), $._expression, optional($.block)),
    wait: ($) => seq('wait', optional('until'), $._expression),
    when: ($) => seq('when', field('condition', $._expression), $.block, repeat($.else)),
    else: ($) => seq('else', optional(seq('when', field('condition', $._expression))), $.block),
    match: ($) => seq('match', field('value', $._expression), '{', repeat($.match_arm), '}'),
    match_arm: ($) => seq(choice('else', field('pattern', $._expression)), $.block),
    parallel: ($) => seq('parallel', '{', repeat($.branch), '}'),
    branch: ($) => seq(field('name', $.identifier), $.block),
    for_each: ($) => seq('for', 'each', field('name', $.identifier), 'in', field('items', $._expression), $.block),
    repeat: ($) => seq('repeat', repeat(choice($.at_most, $.pause, $.backoff)), $.block, 'until', field('condition', $._expression)),
    call: ($) => seq('call', field('name', $.identifier), '=', field('rotation', $._rotation_name), optional($.members)),

    // ---- Clauses of a request
    _clause: ($) =>
      choice(
        $.capture, $.bearer, $.json, $.expect, $.header, $.query, $.form, $.basic, $.client, $.timeout, $.retry, $.text, $.raw, $.connect,
        $.limit, $.follow, $.ca, $.proxy, $.strays, $.sign, $.login, $.statement, $.command, $.stdin, $.environment, $.arguments, $.file,
      ),
    bearer: ($) => seq('bearer', $._expression),
    basic: ($) => seq('basic', $._expression, ',', $._expression),
    client: ($) => seq('client', $._expression, ',', $._expression),
    header: ($) => seq('header', field('name', $.string), ':', $._expression),
    query: ($) => seq('query', $.members),
    json: ($) => seq('json', $._expression),
    form: ($) => seq('form', $.members),
    text: ($) => seq('text', $._expression),
    raw: ($) => seq('raw', $._expression),
    connect: ($) => seq('connect', $.duration),
    retry: ($) => seq('retry', $.integer, repeat(choice($.pause, $.backoff, $.up_to))),
    backoff: ($) => seq('backoff', $.identifier),
    up_to: ($) => seq('up', 'to', $.duration),
    expect: ($) =>
      seq(
        'expect',
        choice(
          seq('status', commas($.status)),
          seq('exit', commas($.integer)),
          seq('header', field('name', $.string), $._comparison, $._expression),
          seq('body', $.jsonpath, $._comparison, $._expression),
        ),
      ),
    _comparison: (_) => choice('==', '!=', '<=', '>=', '<', '>'),
    capture: ($) =>
      seq(choice('secret', 'public'), field('name', $.identifier), '=', $.source, optional(seq('as', field('type', $.identifier))), optional('optional'), optional($.targets)),
    source: ($) => choice(seq('body', optional($.jsonpath)), seq('header', $.string), 'status'),
    ca: ($) => seq('ca', $.string),
    proxy: (_) => seq('proxy', 'env'),
    follow: ($) => seq('follow', $.integer),
    limit: ($) => seq('limit', $.size),
    strays: ($) => seq('strays', $.exchange, 'revoke', $.exchange),
    exchange: ($) => choice($._request, seq('sql', $._sql), seq('redis', $._addressed), seq('exec', $._addressed)),
    sign: ($) => seq('sign', field('method', $.identifier), $.options),
    login: ($) => seq('login', $._expression, ',', $._expression),
    statement: ($) => seq('statement', $.string),
    command: ($) => seq('command', $.list),
    stdin: ($) => seq('stdin', $._expression),
    environment: ($) => seq('environment', $.members),
    arguments: ($) => seq('arguments', $.list),
    file: ($) => seq('file', $._expression),

    // ---- Expressions
    _expression: ($) => choice($.reveal, $._operand),
    reveal: ($) => seq('reveal', $._operand, optional($.because)),
    because: ($) => seq('because', $.string),
    _operand: ($) => choice($.not, $.binary, $._term),
    not: ($) => prec(4, seq('not', $._operand)),
    binary: ($) =>
      choice(
        ...[
          [1, '??'], [2, 'or'], [3, 'and'], [5, $._comparison], [6, '+'],
        ].map(([level, operator]) => prec.left(Number(level), seq($._operand, field('operator', operator), $._operand))),
      ),
    _term: ($) =>
      choice(
        $.string, $.duration, $.number, $.constant, $.list, $.group, $.members, $.call_expression, $.secret_reference, $.field, $.index,
        $.variable,
      ),
    variable: ($) => reserved('value', $.identifier),
    // What stands before a dot or a parenthesis may be the first word of a statement.
    _keyword_root: (_) => choice(...STATEMENT_WORDS, ...ITEM_WORDS),
    field: ($) =>
      seq(
        choice($._term, alias($._keyword_root, $.variable)),
        token.immediate('.'),
        field('name', choice(alias(token.immediate(new RegExp(WORD)), $.property), $.string)),
      ),
    index: ($) => seq($._term, token.immediate('['), $._expression, ']'),
    call_expression: ($) =>
      seq(
        field('function', choice(reserved('value', $.identifier), alias($._keyword_root, $.identifier))),
        token.immediate('('),
        optional(seq(commas($._expression), optional(','))),
        ')',
      ),
    secret_reference: ($) =>
      seq(
        field('root', choice('secrets', 'pending', 'previous')),
        token.immediate('.'),
        field('name', choice(alias(token.immediate(new RegExp(`${WORD}(/${WORD})*(/\\*)?`)), $.secret_name), $.string)),
      ),
    constant: (_) => choice('null', 'true', 'false'),
    list: ($) => seq('[', optional(seq(commas($._expression), optional(','))), ']'),
    group: ($) => seq('(', $._expression, ')'),
    members: ($) => seq('{', repeat(seq($.member, optional(','))), '}'),
    member: ($) => seq(field('key', choice($.identifier, $.string)), ':', field('value', $._expression)),

    // ---- Literals
    number: (_) => /-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?/,
    integer: (_) => /[0-9]+/,
    duration: (_) => /([0-9]+(ms|s|m|h|d|w))+/,
    size: (_) => /[0-9]+(KiB|MiB|B)/,
    status: (_) => /[0-9][A-Za-z0-9_]*/,
    jsonpath: (_) => token(new RegExp(`\\$(${QUOTED}|${bracketed(3)}|[^ \\t\\r\\n,}\\[("'])*`)),
    string: ($) => seq('"', repeat(choice($.string_content, $.escape, $.interpolation)), token.immediate('"')),
    string_content: (_) => choice(token.immediate(prec(1, /[^"$\\\n]+/)), token.immediate('$')),
    escape: (_) => token.immediate(choice('$${', /\\u\{[0-9A-Fa-f]*\}/, /\\[^\n]/)),
    interpolation: ($) => seq(token.immediate('${'), $._expression, '}'),
  },
});
