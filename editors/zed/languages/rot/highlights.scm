; Made from editors/tree-sitter-rot/queries by a test.

(comment) @comment

; ---- Words
[
  "use" "env" "secret" "rotation" "template" "from" "with" "about" "parameter"
  "description" "every" "cron" "in" "jitter" "timeout" "input" "output" "on" "failure"
  "let" "log" "update" "stage" "verify" "within" "promote" "revoke" "after" "generate" "manual" "wait" "expires" "allow" "call"
  "http" "sql" "redis" "exec"
  "public" "as" "optional" "to" "program"
  "bearer" "basic" "client" "header" "query" "json" "form" "text" "raw" "connect" "retry" "backoff" "up" "expect" "status" "exit"
  "body" "ca" "proxy" "follow" "limit" "strays" "sign" "login" "statement" "command" "stdin" "environment" "arguments" "file"
  "because" "target" "deliver"
] @keyword

[ "when" "else" "match" "for" "each" "repeat" "until" "parallel" "at" "most" "fail" "stop" ] @keyword.conditional

; What a request does to credentials: the words to look for when a file is read.
[ "reads" "issues" "sets" "revokes" "additive" "replacing" "self" "slot" "grace" "key" "recover" "accept" "lockout-risk" "reveal" ] @keyword.modifier

[ "and" "or" "not" ] @keyword.operator
[ "=" "==" "!=" "<=" ">=" "<" ">" "+" "??" ] @operator

; ---- Names
(variable) @variable
(property) @property
(field name: (string) @property)
(member key: (identifier) @property)
(option name: (identifier) @property)
(fact name: (identifier) @property)
(fields field: (identifier) @property)
(secret_name) @constant
(secret_reference root: _ @variable.special)
(env_item name: (identifier) @constant)
(rotation name: (identifier) @function)
(rotation name: (string) @function)
(target_item kind: (identifier) @type)
(rotation template: (identifier) @type)
(template name: (identifier) @type)
(call rotation: (identifier) @function)
(recover rotation: (identifier) @function)
(call_expression function: (identifier) @function.builtin)
(parameter name: (identifier) @variable.parameter)
(input name: (identifier) @variable.parameter)
(parameter type: (identifier) @type)
(input type: (identifier) @type)
(capture type: (identifier) @type)
(capture name: (identifier) @property)
(output name: (identifier) @property)
(let name: (identifier) @variable)
(for_each name: (identifier) @variable)
(generate name: (identifier) @variable)
(generate kind: (identifier) @type)
(sign method: (identifier) @type)
[
  (http name: (identifier) @label)
  (sql name: (identifier) @label)
  (redis name: (identifier) @label)
  (exec name: (identifier) @label)
  (call name: (identifier) @label)
  (manual name: (identifier) @label)
  (branch name: (identifier) @label)
]
[
  (target part: (identifier) @property)
  (targets part: (identifier) @property)
]
(allow (identifier) @property)
(backoff (identifier) @constant.builtin)
(method) @constant.builtin
[ "postgres" "mysql" "mariadb" ] @constant.builtin

; ---- Literals
(string) @string
(secret_reference name: (string) @constant)
(string_content) @string
(escape) @string.escape
(jsonpath) @string.special.path
(use_item path: (string) @string.special.path)
(target host: (string) @string.special.url)
[ (number) (integer) (duration) (size) (status) ] @number
(constant) @boolean
(interpolation [ "${" "}" ] @punctuation.special)

; ---- Marks
[ "{" "}" "[" "]" "(" ")" ] @punctuation.bracket
[ "," ":" "." ] @punctuation.delimiter
