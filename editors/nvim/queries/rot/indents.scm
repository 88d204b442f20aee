; Made from editors/tree-sitter-rot/queries by a test.

[
  (rotation_body)
  (about)
  (block)
  (clauses)
  (match)
  (parallel)
  (members)
  (list)
  (group)
  (options)
  (fields)
] @indent.begin

[ "}" "]" ")" ] @indent.branch @indent.end

(comment) @indent.ignore
(ERROR) @indent.auto
