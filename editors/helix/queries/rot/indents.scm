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
] @indent

[ "}" "]" ")" ] @outdent
