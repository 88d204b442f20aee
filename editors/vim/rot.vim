" To ~/.vim/ftplugin/rot.vim, with `autocmd BufRead,BufNewFile *.rot setfiletype rot`. Findings by ALE.
setlocal commentstring=#\ %s shiftwidth=2 expandtab
call ale#linter#Define('rot', {
\   'name': 'rot',
\   'executable': 'rot',
\   'command': '%e check - --stdin-path %s --report concise',
\   'callback': {buffer, lines -> map(filter(map(copy(lines),
\       {_, line -> matchlist(line, '\v^(.+):(\d+):(\d+): (\w+)\[(\w+)\] (.*)$')}), 'len(v:val)'),
\       {_, m -> {'lnum': str2nr(m[2]), 'col': str2nr(m[3]), 'code': m[5], 'text': m[6],
\                 'type': m[4] ==# 'error' ? 'E' : m[4] ==# 'warning' ? 'W' : 'I'}})},
\})
