(rotation "rotation" @context name: (_) @name) @item
(template "template" @context name: (identifier) @name) @item
(secret_item "secret" @context (secret_declaration name: (secret_name) @name)) @item
(http "http" @context name: (identifier) @name) @item
(sql "sql" @context name: (identifier) @name) @item
(redis "redis" @context name: (identifier) @name) @item
(exec "exec" @context name: (identifier) @name) @item
