(rotation name: (_) @name) @definition.function
(template name: (identifier) @name) @definition.class
(secret_declaration name: (secret_name) @name) @definition.constant
(target_item name: (identifier) @name) @definition.constant
(http name: (identifier) @name) @definition.method
(sql name: (identifier) @name) @definition.method
(redis name: (identifier) @name) @definition.method
(exec name: (identifier) @name) @definition.method
(capture name: (identifier) @name) @definition.field
(input name: (identifier) @name) @definition.field

(call rotation: (_) @name) @reference.call
(recover rotation: (_) @name) @reference.call
(rotation template: (identifier) @name) @reference.class
(secret_reference name: (_) @name) @reference.constant
