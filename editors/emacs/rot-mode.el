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
  '("use" "env" "secret" "rotation" "description" "every" "cron" "timeout" "input" "output" "on" "failure"
    "http" "let" "log" "fail" "stop" "update" "stage" "verify" "promote" "revoke" "generate" "manual" "wait"
    "when" "else" "match" "parallel" "for" "each" "in" "repeat" "until" "call"
    "bearer" "basic" "client" "header" "query" "json" "form" "text" "raw" "connect" "retry" "expect" "public"
    "ca" "proxy" "follow" "limit" "strays" "sign" "login" "statement" "command" "stdin" "environment" "arguments" "file"
    "sql" "redis" "exec" "program" "exit" "reads" "issues" "additive" "replacing" "sets" "revokes"
    "to" "as" "optional" "because" "reveal" "not" "and" "or"))

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
