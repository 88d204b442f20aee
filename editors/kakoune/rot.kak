# To ~/.config/kak/autoload/rot.kak; the server needs kakoune-lsp.
hook global BufCreate .*[.]rot %{ set-option buffer filetype rot }

hook global WinSetOption filetype=rot %{
    require-module rot
    add-highlighter window/rot ref rot
    hook -once -always window WinSetOption filetype=.* %{ remove-highlighter window/rot }
}

hook -group lsp-filetype-rot global BufSetOption filetype=rot %{
    set-option buffer lsp_servers %{
        [rot]
        root_globs = ["rot.toml", ".git"]
        command = "rot"
        args = ["lsp"]
    }
}

provide-module rot %{
    add-highlighter shared/rot regions
    add-highlighter shared/rot/code default-region group
    add-highlighter shared/rot/comment region '#' '$' fill comment
    add-highlighter shared/rot/string region '"' (?<!\\)(\\\\)*" fill string
    add-highlighter shared/rot/code/ regex (?<![\w.-])(about|accept|additive|after|allow|and|arguments|as|at|backoff|basic|bearer|because|body|ca|call|client|command|connect|cron|deliver|description|each|else|env|environment|every|exec|exit|expect|expires|fail|failure|false|file|follow|for|form|from|generate|grace|header|http|in|input|issues|jitter|json|key|let|limit|lockout-risk|log|login|manual|mariadb|match|most|mysql|not|null|on|optional|or|output|parallel|parameter|pending|postgres|previous|program|promote|proxy|public|query|raw|reads|recover|redis|repeat|replacing|retry|reveal|revoke|revokes|rotation|secret|secrets|self|sets|sign|slot|sql|stage|statement|status|stdin|stop|strays|target|template|text|timeout|to|true|until|up|update|use|verify|wait|when|with|within)(?![\w-]) 0:keyword
}
