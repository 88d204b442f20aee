((comment) @injection.content
  (#set! injection.language "comment"))

((statement (string (string_content) @injection.content))
  (#set! injection.language "sql")
  (#set! injection.combined))
