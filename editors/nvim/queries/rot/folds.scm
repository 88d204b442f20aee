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
  (options)
  (fields)
] @fold
