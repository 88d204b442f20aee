; Made from editors/tree-sitter-rot/queries by a test.

((comment) @injection.content
  (#set! injection.language "comment"))

((statement (string (string_content) @injection.content))
  (#set! injection.language "sql")
  (#set! injection.combined))
