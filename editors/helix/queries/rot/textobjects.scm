(rotation body: (_) @function.inside) @function.around
(template body: (_) @class.inside) @class.around
(comment) @comment.inside
(comment)+ @comment.around
(member) @entry.around
