;;; rot-mode.el --- Secret rotation as a language  -*- lexical-binding: t; -*-
;; Package-Requires: ((emacs "28.1"))
;; Version: 0.1.0

;;; Commentary:
;; Colours for `.rot' files, and `rot lsp' by eglot (in Emacs from 29 on).

;;; Code:
(defvar rot-mode-syntax-table
  (let ((table (make-syntax-table)))
    (modify-syntax-entry ?# "<" table)
    (modify-syntax-entry ?\n ">" table)
    (modify-syntax-entry ?\" "\"" table)
    (modify-syntax-entry ?_ "_" table)
    (modify-syntax-entry ?- "_" table)
    table))

(defconst rot-mode-keywords
  '("about" "accept" "additive" "after" "allow" "and" "arguments" "as" "at" "backoff" "basic" "bearer" "because"
    "body" "ca" "call" "client" "command" "connect" "cron" "deliver" "description" "each" "else" "env" "environment" "every"
    "exec" "exit" "expect" "expires" "fail" "failure" "false" "file" "follow" "for" "form" "from" "generate" "grace"
    "header" "http" "in" "input" "issues" "jitter" "json" "key" "let" "limit" "lockout-risk" "log" "login" "manual" "mariadb"
    "match" "most" "mysql" "not" "null" "on" "optional" "or" "output" "parallel" "parameter" "pending" "postgres" "previous"
    "program" "promote" "proxy" "public" "query" "raw" "reads" "recover" "redis" "repeat" "replacing" "retry"
    "reveal" "revoke" "revokes" "rotation" "secret" "secrets" "self" "sets" "sign" "slot" "sql" "stage" "statement"
    "status" "stdin" "stop" "strays" "target" "template" "text" "timeout" "to" "true" "until" "up" "update" "use" "verify"
    "wait" "when" "with" "within"))

;;;###autoload
(define-derived-mode rot-mode prog-mode "rot"
  "Major mode for secret rotations."
  (setq-local comment-start "# ")
  (setq-local font-lock-defaults
              `(((,(regexp-opt rot-mode-keywords 'symbols) . font-lock-keyword-face)
                 ("\\$[^ \t\n,}]*" . font-lock-constant-face)))))

;;;###autoload
(add-to-list 'auto-mode-alist '("\\.rot\\'" . rot-mode))

(with-eval-after-load 'eglot
  (add-to-list 'eglot-server-programs '(rot-mode . ("rot" "lsp"))))

(provide 'rot-mode)
;;; rot-mode.el ends here
