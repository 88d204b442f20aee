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
    add-highlighter shared/rot/code/ regex \b(use|env|secret|rotation|http|let|stage|update|verify|promote|revoke|when|else|for|each|call|expect|bearer|public)\b 0:keyword
}
