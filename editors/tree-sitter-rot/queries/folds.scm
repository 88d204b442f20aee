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
